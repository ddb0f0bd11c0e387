import type { Duplex } from "node:stream";

/**
 * What the receiver may do with the bytes: `owned` are its own, `shared` ones are overwritten as soon as it returns,
 * `lent` ones stay until it calls `resume` (it answers `false` to keep them).
 */
export type Tenure = "owned" | "shared" | "lent";

/** Takes bytes; `false`: read no more until `resume`. */
export type Receiver = (bytes: Buffer, tenure: Tenure) => boolean;

/**
 * A stream whose bytes go to one receiver at a time, without a queue in between. Nothing is read before `resume`. Its
 * end, errors and close are the stream's events; the bytes are not.
 */
export interface ByteSource {
  readonly stream: Duplex;
  /** Its bytes come in many pieces of one burst: who writes them on does well to gather them. */
  readonly bursts?: boolean;
  /**
   * From now on bytes go there.
   * @param keeps whether the receiver gains from `lent` bytes (it writes them to a socket as they are)
   */
  receive(receiver: Receiver, keeps: boolean): void;
  resume(): void;
}

/** Any stream as a source, by its `data` events: each chunk is memory of its own. */
export function streamSource(stream: Duplex): ByteSource {
  let receiver: Receiver | undefined;
  const pass = (chunk: Buffer): void => {
    if (receiver?.(chunk, "owned") === false) stream.pause();
  };
  return {
    stream,
    receive(next) {
      if (receiver === undefined) {
        stream.pause();
        stream.on("data", pass);
      }
      receiver = next;
    },
    resume: () => void stream.resume(),
  };
}
