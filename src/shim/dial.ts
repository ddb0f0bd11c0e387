import { existsSync } from "node:fs";
import { connect, type Socket } from "node:net";
import {
  closingMethod,
  toLine,
  type ControlLine,
  type DaemonStatus,
  type HelloAnswer,
  type HelloLine,
} from "#server/daemon/wire.ts";
import { LineSplitter } from "./line-splitter.ts";

/** A connection to the daemon after both hellos. The socket is paused; `received` came after the answer. */
export interface DaemonConnection {
  readonly socket: Socket;
  readonly answer: HelloAnswer;
  readonly received: Buffer;
}

/**
 * Says hello at a socket.
 * @returns `undefined` when nobody listens there, or the daemon ended before it answered
 */
export async function dialDaemon(
  path: string,
  hello: HelloLine,
  timeoutMs: number,
): Promise<DaemonConnection | undefined> {
  const said = await exchange(path, hello, timeoutMs);
  if (said === undefined) return undefined;
  const answer = said.line as HelloAnswer & { readonly method?: string };
  if (answer.method === closingMethod || answer.portwright === undefined) {
    said.socket.destroy();
    return undefined;
  }
  return { socket: said.socket, answer, received: said.received };
}

/** Asks the daemon about itself. @returns `undefined` when none runs, or it did not answer in time */
export async function askDaemon(
  path: string,
  question: ControlLine,
  timeoutMs: number,
): Promise<DaemonStatus | undefined> {
  const said = await exchange(path, question, timeoutMs);
  said?.socket.destroy();
  return said?.line as DaemonStatus | undefined;
}

interface Exchange {
  readonly socket: Socket;
  readonly line: object;
  readonly received: Buffer;
}

/** One line there, one line back. */
function exchange(path: string, opening: object, timeoutMs: number): Promise<Exchange | undefined> {
  // A socket that fails to connect leaves 100 kB behind, and this is asked again and again while a daemon starts.
  if (!existsSync(path)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const socket = connect(path);
    const splitter = new LineSplitter();
    const finish = (result: Exchange | undefined): void => {
      clearTimeout(timer);
      socket.off("data", onData);
      socket.off("close", onClose);
      if (result === undefined) socket.destroy();
      resolve(result);
    };
    const onClose = (): void => finish(undefined);
    const onData = (chunk: Buffer): void => {
      const [first, ...more] = splitter.push(chunk);
      if (first === undefined) return;
      socket.pause();
      const received = Buffer.concat([...more.flatMap((line) => [line, Buffer.from("\n")]), splitter.rest()]);
      const line = parseObject(first);
      finish(line === undefined ? undefined : { socket, line, received });
    };
    const timer = setTimeout(() => finish(undefined), timeoutMs);
    // For the socket's whole life: whoever takes it over listens to 'close'.
    socket.on("error", () => {});
    socket.on("close", onClose);
    socket.on("data", onData);
    socket.write(toLine(opening));
  });
}

/** A JSON object, or `undefined`. */
export function parseObject(line: Buffer): object | undefined {
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
