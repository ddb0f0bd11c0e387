import type { Duplex } from "node:stream";

/** Where a route is asked to lead, as its last hop sees it. */
export type RouteTarget = { readonly host: string; readonly port: number } | { readonly socket: string };

/**
 * All hops before a driver's first own one, already composed: in place of a TCP connection of its own, a driver that is
 * given a route dials its server through it. Holds nothing open by itself.
 */
export interface Route {
  /** For people: `ssh bastion`, `ssh bastion → ssh inner`. */
  readonly via: string;
  /** Stable for the same hops, logins and credentials: a driver's caches and pools have it in their keys. */
  readonly key: string;
  /**
   * Opens one stream. Whatever it needs on the way is opened for it or shared, and let go when the stream is closed.
   * A lost hop is an `error` of the stream with a `ConnectivityError`, then `close`.
   * @throws ConnectivityError `ssh_jump_failed` with `facts.hop` and `facts.because` when a hop cannot be used now; a hop's
   *   own code, with `facts.hop`, where only a person can help (login, host key); `target_unreachable` when the last hop
   *   cannot connect to the target; the signal's reason
   */
  connect(to: RouteTarget, options: { readonly signal: AbortSignal }): Promise<Duplex>;
  /** Tells when something changed that makes a new dial of a hop worth it (a key file, a known host), until disposed. */
  watch?(onChange: () => void): Disposable;
}
