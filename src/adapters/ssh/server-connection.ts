import type { Expiry } from "#application/ports/expiry.ts";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { ClientSocket } from "#application/ports/local-listener.ts";
import type { RouteTarget } from "#application/ports/route.ts";
import type { ConnectivityError, Facts } from "#domain/connectivity-error.ts";

/** A connection that came to a port that the server listens on for us. */
export interface Incoming {
  accept(): TunnelStream;
  reject(): void;
}

/** Where the server is to listen. */
export interface RemoteListen {
  /** As OpenSSH's `-R` takes it: `localhost`, an address, or empty for all. */
  readonly bind: string;
  /** 0: the server chooses. */
  readonly port: number;
  readonly socket: string | undefined;
}

/** A port or socket that the server listens on. */
export interface Listening {
  /** The one that the server chose, where it was to choose. */
  readonly port: number;
  /** Idempotent. */
  close(): void;
}

/** One authenticated connection to an SSH server, whatever speaks SSH. Ends once; every channel ends with it. */
export interface ServerConnection {
  /** Resolves once, when it is over: with the cause, or `undefined` after our own `end`/`destroy`. */
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly alive: boolean;
  /** Channels that are open. */
  readonly channels: number;
  facts(): Facts;
  /** What of the login ends at a known time. */
  expiries(): readonly Expiry[];
  /**
   * Opens a channel to a host and port, or a Unix socket, as the server sees them.
   * @param client as `Transport.connect` takes it
   * @throws ConnectivityError `connection_lost`, `ssh_forwarding_prohibited`, `target_unreachable`, `ssh_session_limit`; the signal's reason
   */
  open(to: RouteTarget, signal: AbortSignal, client?: ClientSocket): Promise<TunnelStream>;
  /** `open` has a use for the client's socket. */
  readonly takesClients?: boolean;
  /**
   * Has the server listen.
   * @throws ConnectivityError `connection_lost`, `remote_port_in_use` for every refusal (the server gives no reason); the signal's reason
   */
  listen(at: RemoteListen, onConnection: (incoming: Incoming) => void, signal: AbortSignal): Promise<Listening>;
  /**
   * Asks something that is answered without doing anything: the connection stands.
   * @throws ConnectivityError `connection_lost`; the signal's reason
   */
  ask(signal: AbortSignal): Promise<void>;
  /** Ends as lost when the server says nothing within that time. Never rejects. */
  verify(withinMs: number): Promise<void>;
  /** Says goodbye and closes. Idempotent. */
  end(): void;
  /** Cuts now. Idempotent. */
  destroy(): void;
}
