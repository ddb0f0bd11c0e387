/**
 * What a shim or the command line and the daemon say to each other before MCP begins: one line of JSON each way.
 * No imports at run time: the shim loads this file.
 */
import type { LoginPrompts } from "#application/ports/interaction.ts";
import type { Answer } from "#application/surface/tool-definition.ts";
import type { PersonRequest } from "#application/usecases/person-request.ts";
import type { Failure } from "#domain/connectivity-error.ts";

/** The only version of this exchange so far. */
export const wireVersion = 1;

/** A hello carries an environment; Linux allows 2 MiB of that, real ones are below 64 KiB. */
export const maxHelloBytes = 1024 * 1024;

/** What a client that speaks MCP says first. `client` and `config` are shown to people, the rest is not. */
export interface HelloLine {
  readonly portwright: typeof wireVersion;
  readonly version: string;
  readonly id: string;
  readonly cwd: string;
  readonly client: string;
  readonly config?: string | undefined;
  readonly timeZone?: string | undefined;
  readonly terminal: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** The command line says something for a person; it is answered by `told`, and no MCP follows. Never said by the shim. */
  readonly person?: PersonRequest | undefined;
}

/** What a person typed, one answer for each prompt. */
export interface PromptAnswers {
  readonly answers: readonly string[];
}

/** No answer that somebody types is longer. */
export const maxAnswersBytes = 64 * 1024;

export type ControlVerb = "status" | "stop" | "hand_over";

/** A question to the daemon itself; answered by one line, then the connection is closed. */
export interface ControlLine {
  readonly portwright: typeof wireVersion;
  readonly version: string;
  readonly control: ControlVerb;
}

/** The daemon's answer to a hello; MCP lines follow, unless `refused`. */
export interface HelloAnswer {
  readonly portwright: typeof wireVersion;
  readonly version: string;
  readonly pid: number;
  /** Absolute path of the configuration file that this client works with; absent: none. */
  readonly workspace?: string | undefined;
  /** One sentence for the person: served by an older daemon, for example. */
  readonly notice?: string | undefined;
  /** Why the configuration was not found, or why the hello was refused. */
  readonly error?: Failure | undefined;
  /** The daemon closes this connection. */
  readonly refused?: true | undefined;
  /** What a person asked for. */
  readonly told?: Answer | undefined;
  /** A server asks something: a line with the answers (`PromptAnswers`) comes back, and another line like this one follows. */
  readonly prompt?: LoginPrompts | undefined;
  /** It tells how much it has read (`receivedMethod`). */
  readonly receipts?: true | undefined;
}

/** The answer to every control line; the keys of `status` are public (`daemon status --output json`). */
export interface DaemonStatus {
  readonly portwright: typeof wireVersion;
  readonly pid: number;
  readonly version: string;
  readonly uptime_s: number;
  readonly clients: number;
  readonly services: { readonly wanted: number; readonly ready: number; readonly defined: number };
  /** Forwarded connections that are open. */
  readonly connections: number;
  /** The daemon is about to end: the answer to `stop`, and to `hand_over` when it agrees. */
  readonly ending?: boolean;
}

/**
 * A notification from the daemon to the shim, between MCP lines, before it ends on purpose; never shown to the client.
 * `stop`: somebody asked for it, do not start another before the client's next call. `hand_over`: another is coming.
 */
export const closingMethod = "notifications/portwright/closing";
export type ClosingReason = "stop" | "hand_over";

/**
 * A notification from the daemon, between MCP lines: it has read `params.bytes` bytes of this connection after the hello.
 * A call beyond that was never begun when the daemon dies, so the shim may send it to the next one.
 */
export const receivedMethod = "notifications/portwright/received";

/** A line of either side. */
export const toLine = (message: object): string => `${JSON.stringify(message)}\n`;
