import type { Readable, Writable } from "node:stream";
import type { ClientSession } from "#application/client.ts";
import type { Stores } from "#application/ports/stores.ts";
import type { Portwright } from "#application/portwright.ts";
import type { Log } from "./log.ts";

/** One MCP conversation. */
export interface McpConversation {
  /** Settles when the conversation is over, whoever ended it. */
  readonly closed: Promise<void>;
  /** Ends it and aborts its calls; the streams stay the caller's. */
  close(): Promise<void>;
}

/** Speaks MCP over a pair of streams (possibly one socket), on behalf of a connected client. */
type ServeMcp = (
  input: Readable,
  output: Writable,
  session: ClientSession,
) => McpConversation | Promise<McpConversation>;

interface ComposeContext {
  readonly stores: Stores;
  readonly log: Log;
  readonly version: string;
  /** The daemon's own environment and home: clients bring theirs with their hello. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
}

/** The application, as far as the daemon drives it. */
export interface DaemonApplication extends Pick<Portwright, "connect" | "restore" | "person" | "close"> {
  status(): Pick<ReturnType<Portwright["status"]>, "services" | "connections">;
}

/** The two halves that the daemon needs: what runs the connections, and what talks to clients. */
export interface Composed {
  readonly application: DaemonApplication;
  readonly serveMcp: ServeMcp;
}

/** Builds the application for a process that holds the lock. Called once. */
export type Compose = (context: ComposeContext) => Promise<Composed>;
