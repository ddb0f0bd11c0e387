import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";

/** More at a time than a check's program needs. */
const mostConnections = 16;

export interface PrivatePort extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

/**
 * A port on 127.0.0.1 whose connections go where `connect` leads, until it is disposed: for a program that checks a
 * service before anybody is let through to it. One that cannot be opened is reset.
 */
export async function openPrivatePort(connect: () => Promise<Duplex>): Promise<PrivatePort> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
    connect().then(
      (stream) => {
        pipeline(socket, stream, () => undefined);
        pipeline(stream, socket, () => undefined);
      },
      () => socket.resetAndDestroy(),
    );
  });
  server.maxConnections = mostConnections;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
