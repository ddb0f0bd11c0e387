import type { Readable, Writable } from "node:stream";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import type { ClientSession } from "#application/client.ts";
import type { UseCases } from "#application/surface/use-cases.ts";
import type { ServerLog } from "./boundary.ts";
import { createConnection } from "./connection.ts";
import { createServer } from "./create-server.ts";

/** A longer line ends the connection; a call that only looks too long is answered by the boundary. */
const longestMessageBytes = 4 * 1024 * 1024;

/** One client being served. */
export interface ServedConnection {
  /** Resolves, never rejects, when the client is gone or `close` was called; its running calls are aborted by then. */
  readonly closed: Promise<void>;
  /** Ends the connection. May be called twice. The streams stay the caller's to end. */
  close(): Promise<void>;
}

/**
 * Serves MCP, newline-delimited JSON-RPC in both eras (2025-11-25 and 2026-07-28), over a pair of streams: stdio, or both
 * ends of one socket. Nothing else is written to `output`. The end, an error or the closing of `input`, and an error of
 * `output`, end the connection.
 */
export function serveMcp(
  input: Readable,
  output: Writable,
  session: ClientSession,
  useCases: UseCases,
  log: ServerLog,
  version = "0.0.0",
): ServedConnection {
  let resolve: () => void = () => undefined;
  const closed = new Promise<void>((done) => (resolve = done));
  const connection = createConnection(session, useCases, log);
  const transport = new StdioServerTransport(input, output, { maxBufferSize: longestMessageBytes });
  const served = serveStdio(() => createServer(connection, version), {
    transport,
    onerror: (error) => log.debug({ err: error }, "the connection of a client reported an error"),
  });
  const entryClosed = transport.onclose;
  transport.onclose = () => {
    entryClosed?.();
    resolve();
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= served.close().then(() => resolve()));
  return { closed, close };
}
