import { duplexPair, type Duplex } from "node:stream";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { LocalConnection, LocalListener } from "#application/ports/local-listener.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";

const lost = (): ConnectivityError => new ConnectivityError("connection_lost", "the connection was cut");

/** A world without sockets for a walk through a simulated time: one target that answers PING, and ways to hurt it. */
export interface MemoryWorld {
  readonly driver: ForwardDriver;
  /** Dials are refused with this. */
  refuseWith: ConnectivityError | undefined;
  /** The target is gone: connections to it are refused. */
  targetGone: boolean;
  /** Dials hang, heedless of their signal, until `thaw`. */
  frozen: boolean;
  thaw(): void;
  cut(): void;
  changed(): void;
  listen(onConnection: (connection: LocalConnection) => void): Promise<LocalListener>;
  /** A client connects; nothing when nothing listens. */
  client(): void;
  /** What is open: transports, streams, listeners, watches, clients that were neither reset nor served. */
  open(): { transports: number; streams: number; listeners: number; watches: number; clients: number };
}

export function createMemoryWorld(): MemoryWorld {
  const transports = new Set<{ readonly lose: (cause?: ConnectivityError) => void }>();
  const streams = new Set<Duplex>();
  const watches = new Set<() => void>();
  const listeners = new Set<(connection: LocalConnection) => void>();
  const clients = new Set<number>();
  const held: (() => void)[] = [];
  let nextId = 0;

  const connect = async (mine: Set<Duplex>): Promise<Duplex> => {
    if (world.targetGone) throw new ConnectivityError("target_unreachable", "nothing listens there");
    const [near, far] = duplexPair();
    far.on("error", () => undefined);
    far.on("data", (bytes: Buffer) => bytes.includes("PING") && far.write("+PONG\r\n"));
    far.on("end", () => far.end());
    near.on("error", () => undefined);
    near.once("close", () => {
      streams.delete(near);
      mine.delete(near);
      far.destroy();
    });
    streams.add(near);
    mine.add(near);
    return near;
  };

  function makeTransport(): Transport {
    const mine = new Set<Duplex>();
    const { promise: closed, resolve } = Promise.withResolvers<ConnectivityError | undefined>();
    let over = false;
    const lose = (cause?: ConnectivityError): void => {
      over = true;
      transports.delete(entry);
      for (const stream of mine) stream.destroy(lost());
      resolve(cause);
    };
    const entry = { lose };
    transports.add(entry);
    return {
      via: "memory",
      facts: () => ({}),
      connect: ({ signal }) => {
        signal.throwIfAborted();
        return over ? Promise.reject(lost()) : connect(mine);
      },
      closed,
      close: async () => lose(),
      destroy: () => lose(),
    };
  }

  const world: MemoryWorld = {
    refuseWith: undefined,
    targetGone: false,
    frozen: false,
    driver: {
      technology: "ssh",
      async open() {
        if (world.frozen) await new Promise<void>((resolve) => held.push(resolve));
        if (world.refuseWith) throw world.refuseWith;
        return makeTransport();
      },
      watch(_service, _access, onChange) {
        watches.add(onChange);
        return { [Symbol.dispose]: () => void watches.delete(onChange) };
      },
      close: () => Promise.resolve(),
    },
    thaw() {
      world.frozen = false;
      for (const release of held.splice(0)) release();
    },
    cut: () => transports.forEach(({ lose }) => lose(lost())),
    changed: () => watches.forEach((watch) => watch()),
    async listen(onConnection) {
      await new Promise(setImmediate);
      listeners.add(onConnection);
      return { host: "127.0.0.1", port: 4000, close: async () => void listeners.delete(onConnection) };
    },
    client() {
      const [onConnection] = listeners;
      if (!onConnection) return;
      const id = ++nextId;
      clients.add(id);
      onConnection({
        id,
        reset: () => void clients.delete(id),
        onGone: () => undefined,
        async relay(target) {
          clients.delete(id);
          const { promise, resolve } = Promise.withResolvers<void>();
          target.once("close", resolve);
          target.write("PING\r\n");
          target.resume();
          await promise;
          return { bytesUp: 6, bytesDown: 7, durationMs: 0, ended: "connection_lost" };
        },
      });
    },
    open: () => ({
      transports: transports.size,
      streams: streams.size,
      listeners: listeners.size,
      watches: watches.size,
      clients: clients.size,
    }),
  };
  return world;
}
