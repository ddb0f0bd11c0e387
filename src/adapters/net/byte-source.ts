import type { Duplex } from "node:stream";

/**
 * What the receiver may do with the bytes: `owned` are its own, `shared` ones are overwritten as soon as it returns,
 * `lent` ones stay until it calls `resume` (it answers `false` to keep them).
 */
type Tenure = "owned" | "shared" | "lent";

/** Takes bytes; `false`: read no more until `resume`. */
export type Receiver = (bytes: Buffer, tenure: Tenure) => boolean;

/**
 * A stream whose bytes go to one receiver at a time, without a queue in between. Nothing is read before `resume`. Its
 * end, errors and close are the stream's events; the bytes are not.
 */
export interface ByteSource {
  readonly stream: Duplex;
  /**
   * From now on bytes go there.
   * @param keeps whether the receiver gains from `lent` bytes (it writes them to a socket as they are)
   */
  receive(receiver: Receiver, keeps: boolean): void;
  resume(): void;
}

/** A stream that hands its bytes to one receiver as they come, without `data` events and without a queue in between. */
export interface LendingStream extends Duplex {
  /** From now on bytes go there, and nowhere before `takeMore`. Its end, errors and close remain events. */
  lendTo(receiver: Receiver, keeps: boolean): void;
  takeMore(): void;
}

/** A stream that can take bytes before `write` would return: they need not be copied for it. */
export interface PromptSink extends Duplex {
  /** `false`: not now, they are to be written. */
  takeNow(bytes: Buffer): boolean;
}

export const isPrompt = (stream: Duplex): stream is PromptSink => "takeNow" in stream;

const isLending = (stream: Duplex): stream is LendingStream => "lendTo" in stream;

/** Any stream as a source, by its `data` events (each chunk is memory of its own), unless it lends. */
export function streamSource(stream: Duplex): ByteSource {
  if (isLending(stream)) {
    return {
      stream,
      receive: (receiver, keeps) => stream.lendTo(receiver, keeps),
      resume: () => stream.takeMore(),
    };
  }
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
