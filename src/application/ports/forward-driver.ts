import type { Duplex } from "node:stream";
import type { ConnectivityError, Facts } from "#domain/connectivity-error.ts";
import type { ServiceSpec, Technology } from "#domain/spec/service.ts";
import type { Access } from "./access.ts";
import type { Expiry } from "./expiry.ts";
import type { Interaction } from "./interaction.ts";
import type { ClientSocket } from "./local-listener.ts";
import type { LogQuery, ServiceLog } from "./service-logs.ts";
import type { Route } from "./route.ts";

/** The port that a far side chose for a service, where it is to choose; kept over restarts. */
export interface FarPort {
  /** The last one: to be asked for again. */
  readonly before: number | undefined;
  /** It is this one now. */
  chosen(port: number): void;
}

export interface DialContext {
  /** Ends the attempt; the driver rejects with its reason. */
  readonly signal: AbortSignal;
  readonly access: Access;
  /** The hops of the service's `via`: the driver's first server is reached through it, and pools have its `key`. */
  readonly route?: Route;
  readonly farPort?: FarPort | undefined;
}

export interface LoginContext extends DialContext {
  /** The person who answers what the server asks for. */
  readonly interaction: Interaction;
}

/** Where a person is logged in. */
export interface LoggedIn {
  /** For people: every hop and the server. */
  readonly via: string;
  readonly user: string;
  readonly host: string;
  readonly port: number;
}

/** A hop on the way: the server of a service, or a host as a person writes it (`bastion`, `user@host:port`). */
export type Hop = ServiceSpec | string;

/**
 * One forwarded connection, beyond the transport: a byte stream to the target with half-close both ways.
 *
 * `end()` passes our end of input on and leaves reading open (`allowHalfOpen`). The target's end of output is `end`.
 * `destroy()` resets the target's side. A reset by the target or a lost transport is an `error` with a
 * `ConnectivityError`, then `close`. `write()` returns false and emits `drain` as any Duplex: nothing is buffered without bound.
 */
export type TunnelStream = Duplex;

/** A `TunnelStream` that is there before its target has taken the connection, and is told of refusals only. */
export interface EagerStream {
  /**
   * Resolves when silence means that the target has taken the connection: a refusal would have come by now, as the way's
   * own answers show. Never on a way that carries nothing any more.
   * @throws the signal's reason; that of the stream's end
   */
  reached(signal: AbortSignal): Promise<void>;
}

/** Whether a stream is one. */
export const isEager = (stream: TunnelStream): stream is TunnelStream & EagerStream => "reached" in stream;

export interface ConnectOptions {
  /** Ends the attempt; it is rejected with its reason. */
  readonly signal: AbortSignal;
  /**
   * The client that the connection is for, of which nothing was read yet; only where the transport says `takesClients`.
   * It may have another process carry the bytes: then the stream tells how the connection ends, carries nothing itself,
   * and only that client's `relay` knows what to do with it. A target that ends first then ends the connection, so it is
   * given only where that is how it goes. A rejection leaves the client as it was, or spoiled.
   */
  readonly client?: ClientSocket;
}

/** An open way to a service's target, warm: over it connections are opened without a further login. */
export interface Transport {
  /** For people: `ssh bastion`, `pod web-7c9d-x2`. */
  readonly via: string;
  /** Where clients connect when that is not the local end: a remote forward's end at the server. */
  readonly endpoint?: string;
  /** Small facts about it: cipher, protocol, pod. */
  facts(): Facts;
  /** Credentials and certificates that this way rests on and that end at a known time. Optional; costs nothing to ask. */
  expiries?(): readonly Expiry[];
  /** Tells what happens to the target (a pod comes, goes, is restarted), as sentences of ours for the timeline. Optional. */
  onNews?(listener: (news: string) => void): void;
  /**
   * Opens one connection to the target.
   * @throws ConnectivityError such as `target_unreachable`, `target_port_closed`, `ssh_forwarding_prohibited`; `connection_lost` when the transport is gone
   */
  connect(options: ConnectOptions): Promise<TunnelStream>;
  /** `connect` has a use for its client's socket. Optional. */
  readonly takesClients?: boolean;
  /**
   * In place of `connect` for the service's check: where a connection alone would prove nothing (a dynamic forward), or
   * where a check is to prepare nothing for the connections of others.
   */
  connectForCheck?(options: { readonly signal: AbortSignal }): Promise<TunnelStream>;
  /** Resolves once, when the transport can carry no more: with the cause, or `undefined` after our own `close`/`destroy`. Never rejects. */
  readonly closed: Promise<ConnectivityError | undefined>;
  /** Drains: no new connections, open ones may end by themselves until the deadline. Idempotent. */
  close(deadlineMs: number): Promise<void>;
  /** Cuts now; open connections are reset. Idempotent. */
  destroy(reason?: ConnectivityError): void;
}

/** Knows how to reach the targets of one technology. Loaded on first use. */
export interface ForwardDriver {
  readonly technology: Technology;
  /**
   * Opens a transport to the service's target: resolved, authenticated, host verified.
   * @throws ConnectivityError with the cause's code; the signal's reason when it is aborted
   */
  open(service: ServiceSpec, context: DialContext): Promise<Transport>;
  /**
   * Tells when something about the target changed that makes a new dial worth it at once (a pod became ready, a key
   * file appeared), from now until disposed. Optional: without it only the backoff decides.
   */
  watch?(service: ServiceSpec, access: Access, onChange: () => void, route?: Route): Disposable;
  /**
   * A way on from a server of this technology to whatever it reaches. Dials nothing. Only where the server connects to
   * any target that it is asked for; the services of other technologies lead to their own target only.
   * @throws ConnectivityError `config_invalid`, `not_supported`
   */
  hop?(hop: Hop, context: { readonly access: Access; readonly route?: Route }): Promise<Route>;
  /**
   * Logs a person in at a server of this technology. The connection is the one that services share; what waits for it is
   * told. Nothing is asked when it stands. Optional: only where servers ask.
   * @throws ConnectivityError as `open`; `cancelled` when the person gives up
   */
  logIn?(hop: Hop, context: LoginContext): Promise<LoggedIn>;
  /**
   * The service's own log, where the technology knows it. Optional.
   * @throws ConnectivityError why it cannot be read
   */
  log?(service: ServiceSpec, query: LogQuery, context: DialContext): Promise<ServiceLog>;
  /**
   * This machine slept, or its network changed: asks every far side at once whether it is still there. What does not
   * answer within about two seconds is ended, as if it had been lost. Resolves when that is known; never rejects.
   * Optional: without it a check through each transport decides.
   */
  verify?(): Promise<void>;
  /** Releases what is shared between transports (pooled connections, watches). */
  close(): Promise<void>;
}
