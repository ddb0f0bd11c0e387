import type { Socket } from "node:net";
import { ConnectivityError } from "#domain/connectivity-error.ts";

const newline = 0x0a;

/**
 * Reads the first line of a connection, without its end, and leaves every byte after it in the socket, for whoever
 * reads next: the socket is left as if nobody had read (so the next `data` listener starts the flow).
 * @returns `undefined` when the peer went away before the line was whole
 * @throws ConnectivityError `invalid_arguments` for a longer line, `operation_timed_out` when it does not come in time
 */
export function readOpeningLine(
  socket: Socket,
  { maxBytes, timeoutMs }: { readonly maxBytes: number; readonly timeoutMs: number },
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      socket.off("readable", onReadable);
      socket.off("end", onGone);
      socket.off("close", onGone);
      settle();
    };
    const onGone = (): void => finish(() => resolve(undefined));
    const onReadable = (): void => {
      for (let chunk = read(socket); chunk !== null; chunk = read(socket)) {
        const end = chunk.indexOf(newline);
        size += end === -1 ? chunk.length : end;
        if (size > maxBytes) {
          finish(() =>
            reject(new ConnectivityError("invalid_arguments", "the first line is too long", { max_bytes: maxBytes })),
          );
          return;
        }
        if (end === -1) {
          parts.push(chunk);
          continue;
        }
        parts.push(chunk.subarray(0, end));
        const rest = chunk.subarray(end + 1);
        finish(() => {
          if (rest.length > 0) socket.unshift(rest);
          resolve(Buffer.concat(parts).toString("utf8"));
        });
        return;
      }
    };
    const timer = setTimeout(
      () =>
        finish(() =>
          reject(new ConnectivityError("operation_timed_out", "no first line came", { timeout_ms: timeoutMs })),
        ),
      timeoutMs,
    );
    socket.on("readable", onReadable);
    socket.on("end", onGone);
    socket.on("close", onGone);
  });
}

const read = (socket: Socket): Buffer | null => socket.read() as Buffer | null;
