import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { RouteTarget } from "#application/ports/route.ts";
import type { ConnectivityError, Facts } from "#domain/connectivity-error.ts";

/** One authenticated connection to an SSH server, whatever speaks SSH. Ends once; every channel ends with it. */
export interface ServerConnection {
  /** Resolves once, when it is over: with the cause, or `undefined` after our own `end`/`destroy`. */
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly alive: boolean;
  facts(): Facts;
  /**
   * Opens a channel to a host and port, or a Unix socket, as the server sees them.
   * @throws ConnectivityError `connection_lost`, `ssh_forwarding_prohibited`, `target_unreachable`, `ssh_session_limit`; the signal's reason
   */
  open(to: RouteTarget, signal: AbortSignal): Promise<TunnelStream>;
  /** Says goodbye and closes. Idempotent. */
  end(): void;
  /** Cuts now. Idempotent. */
  destroy(): void;
}
