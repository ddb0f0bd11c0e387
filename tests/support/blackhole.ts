import { once } from "node:events";
import net from "node:net";

/** A relay in front of a server that can be cut like a cable: nothing is closed, and nothing passes. */
export interface Blackhole extends AsyncDisposable {
  readonly port: number;
  /** Connections that came so far. */
  readonly arrivals: number;
  /** From now on nothing passes, of what is open and of what comes. */
  cut(): void;
  /** What comes from now on passes again; what was open stays dead. */
  mend(): void;
}

/** Listens on a free port of 127.0.0.1. */
export async function startBlackhole(target: number): Promise<Blackhole> {
  const sockets = new Set<net.Socket>();
  const keep = (socket: net.Socket): net.Socket => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    return socket;
  };
  let arrivals = 0;
  let dark = false;
  const server = net.createServer({ noDelay: true }, (client) => {
    keep(client);
    arrivals++;
    if (dark) return void client.pause();
    const upstream = keep(net.connect({ host: "127.0.0.1", port: target, noDelay: true }));
    client.pipe(upstream).pipe(client);
    client.on("close", () => upstream.destroy());
    // What it said last is still on its way to the client.
    upstream.on("close", () => client.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    get arrivals() {
      return arrivals;
    },
    cut() {
      dark = true;
      for (const socket of sockets) socket.unpipe().removeAllListeners("data").pause();
    },
    mend() {
      dark = false;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
