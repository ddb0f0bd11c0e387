import { once } from "node:events";
import { Socket } from "node:net";
import type { Access } from "#application/ports/access.ts";
import type { DialContext, ForwardDriver, Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import type { Expiry } from "#application/ports/expiry.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { serviceSchema, type ServiceSpec } from "#domain/spec/service.ts";

/** A driver without a tunnel: real TCP connections to the target's port. For tests of the engine; passes the contract. */
export interface DirectDriver extends ForwardDriver {
  /** Every open from now on is refused with this; `undefined`: opens work again. */
  refuseWith: ConnectivityError | undefined;
  /** What each way says that it rests on. */
  expiries: readonly Expiry[];
  readonly opens: number;
  /** Open now. */
  readonly openTransports: number;
  /** Cuts all open transports, as a killed server would. */
  cut(): void;
  /** Tells all watchers that something about their target changed. */
  changed(): void;
}

const lost = (): ConnectivityError => new ConnectivityError("connection_lost", "the connection was cut");

/** A socket whose errors are coded, as a driver's streams promise. */
class CodedSocket extends Socket {
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    super._destroy(error, () => callback(error && !(error instanceof ConnectivityError) ? lost() : error));
  }
}

class DirectTransport implements Transport {
  readonly via = "a direct connection";
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly #port: number;
  readonly #streams = new Set<Socket>();
  readonly #end: (cause: ConnectivityError | undefined) => void;
  #over = false;

  readonly expiries: () => readonly Expiry[];

  constructor(port: number, expiries: () => readonly Expiry[]) {
    this.#port = port;
    this.expiries = expiries;
    const { promise, resolve } = Promise.withResolvers<ConnectivityError | undefined>();
    this.closed = promise;
    this.#end = resolve;
  }

  facts(): Record<string, string> {
    return {};
  }

  async connect({ signal }: { readonly signal: AbortSignal }): Promise<TunnelStream> {
    signal.throwIfAborted();
    if (this.#over) throw lost();
    const socket = new CodedSocket({ allowHalfOpen: true });
    // An error that nobody listens for yet must not end the process.
    socket.on("error", () => undefined);
    socket.connect({ host: "127.0.0.1", port: this.#port, noDelay: true });
    try {
      await once(socket, "connect", { signal });
    } catch (cause) {
      socket.destroy();
      signal.throwIfAborted();
      throw new ConnectivityError("target_unreachable", "nothing listens there", { port: this.#port }, { cause });
    }
    this.#streams.add(socket);
    socket.once("close", () => this.#streams.delete(socket));
    return socket;
  }

  async close(deadlineMs: number): Promise<void> {
    this.#over = true;
    const deadline = Date.now() + deadlineMs;
    while (this.#streams.size > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
    this.destroy();
  }

  destroy(reason?: ConnectivityError): void {
    this.#over = true;
    for (const socket of this.#streams) socket.destroy(reason ?? lost());
    this.#end(undefined);
  }

  cut(): void {
    this.#over = true;
    for (const socket of this.#streams) socket.destroy(lost());
    this.#end(lost());
  }
}

export function createDirectDriver(): DirectDriver {
  const transports = new Set<DirectTransport>();
  const watchers = new Set<() => void>();
  let opens = 0;
  const driver: DirectDriver = {
    technology: "ssh",
    refuseWith: undefined,
    expiries: [],
    get opens() {
      return opens;
    },
    get openTransports() {
      return transports.size;
    },
    async open(service: ServiceSpec, { signal }: DialContext): Promise<Transport> {
      signal.throwIfAborted();
      opens++;
      await new Promise(setImmediate);
      signal.throwIfAborted();
      if (driver.refuseWith) throw driver.refuseWith;
      const transport = new DirectTransport(Number(service.remotePort), () => driver.expiries);
      transports.add(transport);
      void transport.closed.then(() => transports.delete(transport));
      return transport;
    },
    watch(_service, _access, onChange) {
      watchers.add(onChange);
      return { [Symbol.dispose]: () => watchers.delete(onChange) };
    },
    cut: () => transports.forEach((transport) => transport.cut()),
    changed: () => watchers.forEach((watcher) => watcher()),
    async close() {
      for (const transport of transports) transport.destroy();
    },
  };
  return driver;
}

/** A service over it, with any further keys as in a file. */
export const directService = (name: string, targetPort: number, keys: object = {}): ServiceSpec =>
  serviceSchema.parse({ name, technology: "ssh", remote_port: targetPort, connection: { host: "direct" }, ...keys });

/** An access that has no variables and no secrets. */
export const emptyAccess: Access = {
  env: () => undefined,
  environment: () => ({}),
  homeDir: "/nonexistent",
  workspaceDir: "/nonexistent",
  resolve: (template) => Promise.resolve(template),
};
