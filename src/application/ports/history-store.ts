import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { ServiceState } from "#domain/service-state.ts";

/** What an event is about: `cluster` (pods, rollouts), `config` (the file, plans), `client` (who asked for what), … */
export type EventKind =
  | "state"
  | "link"
  | "health"
  | "connection"
  | "client"
  | "config"
  | "cluster"
  | "credentials"
  | "network";

/** One thing that happened to a service, for `query`, `wait_for`, the timeline and the diagnosis. */
export interface HistoryEvent {
  /** Grows by one, also over restarts; a cursor. */
  readonly id: number;
  readonly atMs: number;
  readonly workspace: string;
  /** Empty: the whole workspace. */
  readonly service: string;
  readonly kind: EventKind;
  /** Our sentence. */
  readonly text: string;
  readonly code?: ErrorCode;
  /** Of kind `state`. */
  readonly change?: { readonly from: ServiceState; readonly to: ServiceState };
  /** What `wait_for` calls it: `plan_approved`. Not stored. */
  readonly name?: string;
  /** The client that asked for it: a clean name. */
  readonly by?: string;
  /** Text from outside that belongs to it: cleaned and clipped before it is stored. */
  readonly untrusted?: string;
}

/** What was asked for; absent fields do not restrict. */
export interface EventFilter {
  readonly workspace: string;
  readonly service?: string | undefined;
  /** With `service`: also what concerns the whole workspace. */
  readonly orWorkspace?: boolean;
  readonly kinds?: readonly EventKind[] | undefined;
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** Part of the text, whatever the case, or a whole code. */
  readonly match?: string | undefined;
}

export interface Page {
  /** Only rows with a smaller id. */
  readonly beforeId?: number | undefined;
  readonly limit: number;
}

/** Newest first, and how many there are in all without the page. */
export interface Found<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** One forwarded connection that ended. */
export interface ConnectionRecord {
  readonly id: number;
  /** When it was opened. */
  readonly atMs: number;
  readonly workspace: string;
  readonly service: string;
  /** The program at the local end, where it was found out. */
  readonly client?: { readonly pid: number; readonly program?: string };
  /** Absent: another process carried the bytes, and they were not counted. */
  readonly bytesUp?: number;
  readonly bytesDown?: number;
  readonly firstByteMs?: number;
  readonly durationMs: number;
  readonly ended: "closed" | "reset_by_client" | "reset_by_target" | "connection_lost" | "refused";
}

/** One hour of a service, added up. */
export interface HourOfService {
  readonly workspace: string;
  readonly service: string;
  /** Begin of the hour. */
  readonly hourMs: number;
  /** How long it was wanted, and how long of that ready. */
  readonly wantedMs: number;
  readonly readyMs: number;
  /** How often it stopped being ready by itself. */
  readonly drops: number;
  readonly checks: number;
  readonly checksFailed: number;
  readonly checkMsSum: number;
  readonly checkMsMax: number;
  readonly connections: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** When a service was last seen ready, and what proved it. */
export interface LastReady {
  readonly workspace: string;
  readonly service: string;
  readonly atMs: number;
  readonly by: string;
}

/** What is written in one transaction. */
export interface HistoryBatch {
  readonly events: readonly HistoryEvent[];
  readonly connections: readonly Omit<ConnectionRecord, "id">[];
  /** Added to what the hour has. */
  readonly hours: readonly HourOfService[];
  readonly lastReady: readonly LastReady[];
}

/**
 * What happened, kept over restarts, bounded by number and age. One writer; every method is one transaction and
 * synchronous (SQLite on a local disk). Holds no secret and no text from outside that was not cleaned.
 */
export interface HistoryStore {
  /** The newest event's id; 0 when there is none. */
  lastEventId(): number;
  write(batch: HistoryBatch): void;
  events(filter: EventFilter, page: Page): Found<HistoryEvent>;
  connections(filter: Omit<EventFilter, "kinds">, page: Page): Found<ConnectionRecord>;
  /** The last change of state of each service of a workspace at or before a moment. */
  statesAt(workspace: string, atMs: number): readonly HistoryEvent[];
  /** Hours that begin at or after a moment, oldest first. */
  hours(workspace: string, sinceMs: number, service?: string): readonly HourOfService[];
  lastReady(workspace: string, service: string): LastReady | undefined;
  /** How far back the events of a workspace reach. */
  recordedFrom(workspace: string): number | undefined;
  /** Drops what is older than the age or over the number that is kept. */
  prune(nowMs: number): void;
}
