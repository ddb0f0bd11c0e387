import { once } from "node:events";
import type net from "node:net";

/** A server of the shop while it runs. */
export interface Running {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Releases the port and cuts what is connected. */
  close(): Promise<void>;
}

/** Starts a server (of `node:http` or `node:net`) on a free port of 127.0.0.1. */
export async function listening(server: net.Server): Promise<Running> {
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket);
    // A client that resets its connection is no trouble of the server's.
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
