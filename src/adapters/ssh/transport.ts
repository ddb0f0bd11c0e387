import type { Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { RouteTarget } from "#application/ports/route.ts";
import type { Lease } from "./connection-pool.ts";

/** One service's share of a connection: its own streams and its own end, the connection stays for the others. */
export class SshTransport implements Transport {
  readonly via: string;
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly #lease: Lease;
  /** As the SSH server sees it. */
  readonly #target: RouteTarget;
  readonly #streams = new Set<TunnelStream>();
  readonly #end: (cause: ConnectivityError | undefined) => void;
  /** Fires when a connect in flight has no more use. */
  readonly #over = new AbortController();
  #state: "open" | "draining" | "closed" = "open";
  #draining: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(via: string, lease: Lease, target: RouteTarget) {
    this.via = via;
    this.#lease = lease;
    this.#target = target;
    const closed = Promise.withResolvers<ConnectivityError | undefined>();
    this.closed = closed.promise;
    this.#end = closed.resolve;
    void lease.connection.closed.then((cause) => {
      // The connection's own end without a cause is the driver's close.
      this.#finish(cause ?? new ConnectivityError("connection_lost", "the SSH driver was closed"), cause);
    });
  }

  facts(): Facts {
    return this.#lease.connection.facts();
  }

  async connect({ signal }: { readonly signal: AbortSignal }): Promise<TunnelStream> {
    signal.throwIfAborted();
    if (this.#state !== "open") throw gone();
    const stream = await this.#lease.connection.open(this.#target, AbortSignal.any([signal, this.#over.signal]));
    if (this.#over.signal.aborted) {
      stream.destroy();
      throw this.#over.signal.reason;
    }
    this.#streams.add(stream);
    stream.once("close", () => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.#onIdle?.();
    });
    return stream;
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#draining ??= this.#drain(deadlineMs));
  }

  destroy(reason?: ConnectivityError): void {
    this.#finish(reason ?? gone(), undefined);
  }

  async #drain(deadlineMs: number): Promise<void> {
    if (this.#state === "open") this.#state = "draining";
    if (this.#streams.size > 0) {
      const idle = Promise.withResolvers<void>();
      this.#onIdle = idle.resolve;
      const timer = setTimeout(() => idle.resolve(), deadlineMs);
      await Promise.race([idle.promise, this.closed]);
      clearTimeout(timer);
    }
    this.destroy();
  }

  #finish(reason: ConnectivityError, cause: ConnectivityError | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#over.abort(reason);
    for (const stream of this.#streams) stream.destroy(reason);
    this.#lease.release();
    this.#end(cause);
  }
}

const gone = (): ConnectivityError => new ConnectivityError("connection_lost", "this way to the target was closed");
