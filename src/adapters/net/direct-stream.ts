import type { Duplex } from "node:stream";
import type { ByteSource } from "./byte-source.ts";

/**
 * A stream that a relay may use without the two queues of a `Duplex`. Ends, errors, `close`, `drain` and `destroyed` are
 * those of the stream.
 */
export interface DirectStream {
  /**
   * Writes bytes that are overwritten as soon as it returns, in order with `write`.
   * @returns as `write`: `false`, and `drain` follows
   */
  writeShared(bytes: Buffer): boolean;
  /**
   * Our input has ended, and nobody is there for an answer any more: an end that was held back for one is passed on now.
   * Nothing of what was written is lost.
   */
  unattended(): void;
  /** Its received bytes, for one receiver; nobody else may read it from then on. */
  source(): ByteSource;
}

/** Whether a stream is one. */
export const isDirect = (stream: Duplex): stream is Duplex & DirectStream => "writeShared" in stream;
