import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A server that speaks as much RESP as a check needs, and can be ill, gone, or back on the same port. */
export interface RespServer extends AsyncDisposable {
  readonly port: number;
  /** What it answers to PING. */
  answer: string;
  /** Says nothing to anybody. */
  silent: boolean;
  readonly connections: number;
  /** Cuts all connections, and refuses new ones until `back`. */
  away(): Promise<void>;
  back(): Promise<void>;
}

export async function startRespServer(): Promise<RespServer> {
  const sockets = new Set<Socket>();
  const state = { answer: "+PONG", silent: false };
  let server = serve();
  let port = 0;
  const listen = async (): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  };
  function serve(): Server {
    return createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => {
        if (!state.silent && bytes.includes("PING")) socket.write(`${state.answer}\r\n`);
      });
    });
  }
  const away = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.resetAndDestroy();
    await once(server, "close");
  };
  await listen();
  return Object.defineProperties(state as RespServer, {
    port: { get: () => port },
    connections: { get: () => sockets.size },
    away: { value: away },
    back: {
      value: async () => {
        server = serve();
        await listen();
      },
    },
    [Symbol.asyncDispose]: { value: away },
  });
}
