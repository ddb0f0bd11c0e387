/** Which lines of a service's own log are wanted. */
export interface LogQuery {
  /** Epoch milliseconds; absent: the newest lines, however old. */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** Part of a line, whatever the case. */
  readonly match?: string | undefined;
  /** Newest lines of each stream that are looked at. */
  readonly lines: number;
}

/** One line of the service's own output: text from outside. */
export interface LogLine {
  /** To the microsecond, where it is known. */
  readonly atMs: number;
  readonly stream: LogStream;
  readonly text: string;
}

/** One container's output. */
export interface LogStream {
  readonly pod: string;
  readonly container: string;
  /** Of the container before the last restart. */
  readonly previous: boolean;
}

export interface ServiceLog {
  readonly streams: readonly (LogStream & {
    /** Matching lines among those that were looked at. */
    readonly lines: number;
    /** Why this one could not be read. */
    readonly problem?: string;
  })[];
  /** Oldest first, of all streams. */
  readonly lines: readonly LogLine[];
}
