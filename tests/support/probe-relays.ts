import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { serve } from "./probe-path.ts";

/** A relay in front of a real server that holds each piece of an answer back. */
export const slowRelay = (port: number, delayMs: number) =>
  serve((socket) => {
    const upstream = connect(port, "127.0.0.1");
    upstream.on("error", () => undefined).on("close", () => void setTimeout(() => socket.end(), delayMs + 5));
    socket.on("close", () => upstream.destroy());
    socket.pipe(upstream);
    upstream.on("data", (chunk: Buffer) => void setTimeout(() => socket.writable && socket.write(chunk), delayMs));
  });

/** TLS in front of a real server that has none, with a certificate of the testbed: `server`, `expired`, `wrongname`. */
export function tlsRelay(certs: string, name: string, port: number, alpn?: string[]) {
  const at = (file: string): Buffer => readFileSync(join(certs, file));
  const options = { key: at(`${name}.key`), cert: at(`${name}.pem`), ...(alpn && { ALPNProtocols: alpn }) };
  const server = createTlsServer(options, (socket) => {
    const upstream: Socket = connect(port, "127.0.0.1");
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
    socket.pipe(upstream).pipe(socket);
  });
  server.on("tlsClientError", () => undefined);
  return serve(() => undefined, server);
}

/** Whether something listens on a local port now. */
export const isListening = (port: number | undefined): Promise<boolean> =>
  new Promise((resolve) => {
    if (!port) return resolve(false);
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
