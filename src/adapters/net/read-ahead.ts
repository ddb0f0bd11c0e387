import type { Duplex } from "node:stream";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/**
 * Reads the start of a connection up to a boundary, and leaves all bytes after it in the stream.
 * @param measure given what came so far: how many bytes belong to the start, or `undefined` while it is not whole
 * @param limit bytes; a longer start is refused
 * @throws ConnectivityError `protocol_mismatch` (too long), `connection_lost` (ended before); the stream's error; the signal's reason
 */
export function readAhead(
  stream: Duplex,
  measure: (bytes: Buffer) => number | undefined,
  limit: number,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const settle = (finish: () => void): void => {
      stream.off("readable", read);
      stream.off("end", ended);
      stream.off("close", ended);
      stream.off("error", failed);
      signal.removeEventListener("abort", aborted);
      finish();
    };
    const read = (): void => {
      const chunk = stream.read() as Buffer | null;
      if (chunk === null) return;
      bytes = Buffer.concat([bytes, chunk]);
      const size = measure(bytes);
      if (size !== undefined) {
        settle(() => {
          if (bytes.length > size) stream.unshift(bytes.subarray(size));
          resolve(bytes.subarray(0, size));
        });
      } else if (bytes.length > limit) {
        settle(() => reject(new ConnectivityError("protocol_mismatch", "what answers there says far too much")));
      }
    };
    const ended = (): void =>
      settle(() => reject(new ConnectivityError("connection_lost", "the connection ended before an answer")));
    const failed = (error: Error): void => settle(() => reject(error));
    const aborted = (): void => settle(() => reject(signal.reason));
    stream.on("readable", read);
    stream.on("end", ended);
    stream.on("close", ended);
    stream.on("error", failed);
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted, { once: true });
  });
}
