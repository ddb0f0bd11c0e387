import type { Failure } from "#domain/connectivity-error.ts";

/** What a client says about itself when it connects; from the same user over a private socket. Kept in memory only. */
export interface ClientHello {
  /** Stable over reconnects of the same client: its leases hang on it. */
  readonly id: string;
  /** For people: `claude-code`, `terminal`. Text from outside. */
  readonly name: string;
  readonly version: string;
  /** Absolute working directory. */
  readonly cwd: string;
  /** Absolute path given by `--config`. */
  readonly config?: string;
  /** IANA name, for clock times such as `10:02`. */
  readonly timeZone?: string;
  readonly terminal: boolean;
  /** The client's environment variables. Never stored or logged. */
  readonly env: Readonly<Record<string, string>>;
}

/** A connected client: the workspace that it sees, its environment and its leases, until it is disposed. */
export interface ClientSession extends Disposable {
  readonly hello: ClientHello;
  /** Absolute path of the configuration file it works with; `undefined`: an empty workspace. */
  readonly workspace: string | undefined;
  /** It has no configuration of its own, and works with the one that was used last: every answer says so. */
  readonly borrowed?: boolean;
  /** Why its configuration could not be found, when `--config` named none. */
  readonly error?: Failure | undefined;
  /** The name from the MCP handshake, once it is known. */
  rename(name: string): void;
}
