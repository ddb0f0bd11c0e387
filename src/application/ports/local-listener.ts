import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { TunnelStream } from "./forward-driver.ts";
import type { PortOwner } from "./port-owner.ts";

/** The socket of a local connection, for a transport that has another process carry its bytes. */
export interface ClientSocket {
  /** As the runtime holds it: what another process can be given. */
  readonly handle: object;
  /** Somebody may have read from it, and what was read is lost: it is reset, whatever is asked of the connection later. */
  spoil(): void;
}

/** An accepted local connection: not read until it is relayed, so that no byte is lost or replayed. */
export interface LocalConnection {
  readonly id: number;
  /** The program that opened it, where it is found out. Never rejects. */
  readonly client?: Promise<PortOwner | undefined>;
  /** Resets it (RST), never a clean end. */
  reset(): void;
  /** Its socket, while nothing of it was read and it can be given to another process. Optional. */
  socket?(): ClientSocket | undefined;
  /** Called once when the client goes away before it is relayed. */
  onGone(listener: () => void): void;
  /**
   * Joins it with a stream to the target, both ways, with back-pressure, half-close and reset passed on, until both sides
   * are done. Ends `undelivered` when the stream fails with an error that says so (`facts.delivered` is false: the target
   * was never reached) before the target said anything: then the client is still there with all that it sent, at most
   * 64 KiB, and may be relayed again. Never rejects.
   */
  relay(target: TunnelStream): Promise<RelayOutcome | Undelivered>;
}

/** The target was never reached. */
export interface Undelivered {
  readonly ended: "undelivered";
}

export interface RelayOutcome {
  /** From the client to the target. Absent where another process carried the bytes: they were not counted. */
  readonly bytesUp?: number;
  readonly bytesDown?: number;
  readonly durationMs: number;
  /** Time from the start of the relay to the target's first byte. */
  readonly firstByteMs?: number;
  readonly ended: "closed" | "reset_by_client" | "reset_by_target" | "connection_lost";
}

export interface LocalListener {
  /** The address, or the path of a Unix socket. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** Stops accepting and releases the port; established connections live on. Idempotent. */
  close(): Promise<void>;
}

export interface LocalListeners {
  /**
   * Listens on a loopback address, or on a Unix socket that only this user can open (0600); what a process that is gone
   * left at its path is removed.
   * @param port 0: any free one
   * @param onError a connection could not be accepted (`too_many_open_files`); the listener goes on
   * @throws ConnectivityError `local_port_in_use` (facts name the process that holds it), `local_port_privileged`, `local_address_unavailable`, `too_many_open_files`
   */
  listen(
    host: string,
    port: number,
    onConnection: (connection: LocalConnection) => void,
    onError?: (error: ConnectivityError) => void,
  ): Promise<LocalListener>;
}
