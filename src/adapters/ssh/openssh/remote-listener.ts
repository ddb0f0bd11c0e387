import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Incoming, Listening, RemoteListen } from "../server-connection.ts";
import { control, type Control } from "./control.ts";

/**
 * Has the server listen, by OpenSSH's `-R` to a Unix socket of ours.
 * @param name of the socket, in `dir`
 * @throws ConnectivityError `remote_port_in_use` for every refusal
 */
export async function listenRemotely(
  parts: Control & { readonly dir: string; readonly name: string },
  at: RemoteListen,
  onConnection: (incoming: Incoming) => void,
): Promise<Listening & AsyncDisposable> {
  const socketPath = path.join(parts.dir, parts.name);
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    onConnection({
      accept: () => socket,
      reject: () => socket.destroy(),
    });
  });
  server.listen(socketPath);
  await once(server, "listening");
  const bind = at.bind.includes(":") ? `[${at.bind}]` : at.bind;
  const end = at.socket ?? `${bind}:${at.port}`;
  const spec = `${end}:${socketPath}`;
  const printed = await control(parts, "forward", "-R", spec);
  if (printed === undefined) {
    server.close();
    const port = at.socket === undefined ? { port: at.port } : { socket: at.socket };
    throw new ConnectivityError("remote_port_in_use", `the SSH server does not listen on ${end}`, port);
  }
  const chosen = Number(/(\d{1,5})/.exec(printed)?.[1] ?? at.port);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      const now = at.socket ?? `${bind}:${at.port === 0 ? chosen : at.port}`;
      await control(parts, "cancel", "-R", `${now}:${socketPath}`);
    })());
  return { port: at.port === 0 ? chosen : at.port, close: () => void close(), [Symbol.asyncDispose]: close };
}
