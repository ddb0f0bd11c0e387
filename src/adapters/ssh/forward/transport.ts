import type { Expiry } from "#application/ports/expiry.ts";
import type { ConnectOptions, Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";

type Connect = (options: ConnectOptions) => Promise<TunnelStream>;

/** One kind of forward, over the connections to its server. */
export interface Forward {
  /** For people: every hop and the server. */
  readonly via: string;
  readonly connect: Connect;
  readonly connectForCheck?: Connect;
  /** Whether `connect` has a use for its client's socket now. */
  readonly takesClients?: () => boolean;
  readonly endpoint?: string;
  facts(): Facts;
  /** What of the way ends at a known time. */
  expiries(): readonly Expiry[];
  /** Resolves once, when it can carry no more; with the cause. */
  readonly closed: Promise<ConnectivityError | undefined>;
  /** Lets go what it holds. Called once. */
  release(): void;
}

/** One service's share of a server's connections: its own streams and its own end, the connections stay for the others. */
export class SshTransport implements Transport {
  readonly via: string;
  readonly endpoint?: string;
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly connectForCheck?: Connect;
  readonly #forward: Forward;
  readonly #streams = new Set<TunnelStream>();
  readonly #end: (cause: ConnectivityError | undefined) => void;
  /** Of the connects in flight: fire when they have no more use. */
  readonly #connecting = new Set<AbortController>();
  #state: "open" | "draining" | "closed" = "open";
  #draining: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(forward: Forward) {
    this.via = forward.via;
    this.#forward = forward;
    const { connectForCheck, endpoint } = forward;
    if (endpoint !== undefined) this.endpoint = endpoint;
    if (connectForCheck) this.connectForCheck = (options) => this.#connect(connectForCheck, options);
    const closed = Promise.withResolvers<ConnectivityError | undefined>();
    this.closed = closed.promise;
    this.#end = closed.resolve;
    void forward.closed.then((cause) => {
      // The connection's own end without a cause is the driver's close.
      this.#finish(cause ?? new ConnectivityError("connection_lost", "the SSH driver was closed"), cause);
    });
  }

  facts(): Facts {
    return this.#forward.facts();
  }

  expiries(): readonly Expiry[] {
    return this.#forward.expiries();
  }

  get takesClients(): boolean {
    return this.#forward.takesClients?.() ?? false;
  }

  connect(options: ConnectOptions): Promise<TunnelStream> {
    return this.#connect(this.#forward.connect, options);
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#draining ??= this.#drain(deadlineMs));
  }

  destroy(reason?: ConnectivityError): void {
    this.#finish(reason ?? gone(), undefined);
  }

  async #connect(connect: Connect, options: ConnectOptions): Promise<TunnelStream> {
    options.signal.throwIfAborted();
    if (this.#state !== "open") throw gone();
    try {
      const stream = await this.#unlessOver(connect, options);
      this.#streams.add(stream);
      stream.once("close", () => {
        this.#streams.delete(stream);
        this.#lookWhetherIdle();
      });
      return stream;
    } finally {
      this.#lookWhetherIdle();
    }
  }

  #lookWhetherIdle(): void {
    if (this.#streams.size + this.#connecting.size === 0) this.#onIdle?.();
  }

  /** `AbortSignal.any` would take longer than all the rest of a connect (bench/ssh). */
  async #unlessOver(connect: Connect, { signal, client }: ConnectOptions): Promise<TunnelStream> {
    const until = new AbortController();
    const onAbort = (): void => until.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#connecting.add(until);
    try {
      const stream = await connect({ signal: until.signal, ...(client && { client }) });
      if (this.#state !== "closed") return stream;
      stream.destroy();
      client?.spoil();
      throw until.signal.reason;
    } finally {
      this.#connecting.delete(until);
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #drain(deadlineMs: number): Promise<void> {
    if (this.#state === "open") this.#state = "draining";
    // What is being opened belongs to a client too.
    if (this.#streams.size + this.#connecting.size > 0) {
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
    for (const until of this.#connecting) until.abort(reason);
    for (const stream of this.#streams) stream.destroy(reason);
    this.#forward.release();
    this.#end(cause);
  }
}

const gone = (): ConnectivityError => new ConnectivityError("connection_lost", "this way to the target was closed");
