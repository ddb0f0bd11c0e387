import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import type { TunnelStream } from "#application/ports/forward-driver.ts";

/** A real TCP server on 127.0.0.1 that plays the target of a forward. */
export interface Target extends AsyncDisposable {
  readonly port: number;
  /** Connections open at this moment. */
  readonly open: ReadonlySet<net.Socket>;
  /** The next connection that arrives, or the oldest that nobody asked for yet. */
  next(): Promise<net.Socket>;
}

/** Listens on a free port; sockets are half-open capable and paused until `onSocket` reads them. */
export async function startTarget(onSocket: (socket: net.Socket) => void = () => {}): Promise<Target> {
  const open = new Set<net.Socket>();
  const arrived: net.Socket[] = [];
  const waiting: ((socket: net.Socket) => void)[] = [];
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    onSocket(socket);
    const waiter = waiting.shift();
    if (waiter) waiter(socket);
    else arrived.push(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    open,
    next: () => {
      const socket = arrived.shift();
      if (socket) return Promise.resolve(socket);
      return new Promise((resolve) => waiting.push(resolve));
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Sends back what it reads, with back-pressure, and ends when the other side ends. */
export const startEcho = (): Promise<Target> => startTarget((socket) => socket.pipe(socket));

/** A port of 127.0.0.1 that nothing listens on. */
export async function closedPort(): Promise<number> {
  await using target = await startTarget();
  return target.port;
}

/** Bytes that no compression, repetition or reordering leaves unnoticed. */
export const payload = (bytes: number): Buffer => randomBytes(bytes);

export const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** All that arrives until the end of the stream; rejects on an error or a close before it. */
export function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("end", () => resolve(Buffer.concat(chunks)));
    stream.once("error", reject);
    stream.once("close", () => reject(new Error("closed before its end")));
  });
}

/** How a stream went down: its error, if any, once it emitted `close`. */
export function closing(stream: TunnelStream): Promise<Error | undefined> {
  return new Promise((resolve) => {
    let failure: Error | undefined;
    stream.on("error", (error) => {
      failure ??= error;
    });
    if (stream.closed) resolve(stream.errored ?? undefined);
    else stream.once("close", () => resolve(failure));
  });
}

/**
 * Writes until the writer takes no more for `stallMs`, at most `limit` bytes.
 * @returns what was written, in order, and whether `write()` ever returned false
 */
export async function writeUntilStalled(
  writer: NodeJS.WritableStream & { writableNeedDrain?: boolean },
  limit: number,
  stallMs = 700,
): Promise<{ written: Buffer; refused: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let refused = false;
  while (bytes < limit) {
    const chunk = payload(64 * 1024);
    chunks.push(chunk);
    bytes += chunk.length;
    if (writer.write(chunk)) continue;
    refused = true;
    const drained = await Promise.race([
      once(writer, "drain").then(() => true),
      new Promise<false>((resolve) => {
        setTimeout(resolve, stallMs, false);
      }),
    ]);
    if (!drained) break;
  }
  return { written: Buffer.concat(chunks), refused };
}
