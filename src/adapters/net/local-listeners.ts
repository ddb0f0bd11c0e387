import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Clock } from "#application/ports/clock.ts";
import type { LocalConnection, LocalListener, LocalListeners } from "#application/ports/local-listener.ts";
import type { ConnectionClients, PortOwners } from "#application/ports/port-owner.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { isSocketPath } from "#domain/spec/local-end.ts";
import { AbandonedPeers } from "./abandoned-peer.ts";
import { AcceptedConnection } from "./accepted-connection.ts";
import { listenError, tooManyOpenFiles } from "./listen-error.ts";
import { ReadBuffers } from "./read-buffers.ts";
import { openUnixSocket } from "./unix-socket.ts";

export interface LocalListenersDeps {
  readonly portOwners: PortOwners;
  readonly clock: Clock;
  /** Absent: connections are recorded without the programs that opened them. */
  readonly clients?: ConnectionClients;
}

/** `localhost` is both addresses, as programs try either first; the second only where there is IPv6. */
const addressesOf = (host: string): readonly [string, ...string[]] =>
  host === "localhost" ? ["127.0.0.1", "::1"] : [host];

/** Another program may hold a chosen free port on the second address: then another one is chosen, this often. */
const freePortAttempts = 5;

/** Local ports by `node:net`; see `AcceptedConnection` and `relay` for what a connection guarantees. */
export function createLocalListeners({ portOwners, clock, clients }: LocalListenersDeps): LocalListeners {
  const shared = { clock, buffers: new ReadBuffers(), peers: new AbandonedPeers(), ...(clients && { clients }) };
  let lastId = 0;

  const listenOnce = async (
    host: string,
    port: number,
    onConnection: (connection: LocalConnection) => void,
    onError: (error: ConnectivityError) => void,
  ): Promise<LocalListener> => {
    const accept = (socket: Socket): void => onConnection(new AcceptedConnection(++lastId, socket, shared));
    if (isSocketPath(host)) {
      const server = await openUnixSocket(host, accept);
      server.on("error", (error) => onError(tooManyOpenFiles(host, 0, error)));
      return { host, port: 0, close: closer([server]) };
    }
    const [address, ...others] = addressesOf(host);
    const first = await open(address, port, accept);
    const bound = (first.address() as AddressInfo).port;
    const servers = [first];
    try {
      for (const other of others) servers.push(await open(other, bound, accept));
    } catch (thrown) {
      if (!isAddressMissing(thrown)) {
        for (const server of servers) server.close();
        throw thrown;
      }
    }
    for (const server of servers) server.on("error", (error) => onError(tooManyOpenFiles(host, bound, error)));
    return { host, port: bound, close: closer(servers) };
  };

  return {
    async listen(host, port, onConnection, onError = () => undefined) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await listenOnce(host, port, onConnection, onError);
        } catch (thrown) {
          if (thrown instanceof ConnectivityError) throw thrown;
          const again =
            port === 0 && (thrown as NodeJS.ErrnoException).code === "EADDRINUSE" && attempt < freePortAttempts;
          if (!again) throw await listenError(thrown, host, port, portOwners);
        }
      }
    },
  };
}

const isAddressMissing = (thrown: unknown): boolean =>
  ["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"].includes((thrown as NodeJS.ErrnoException).code ?? "");

async function open(host: string, port: number, accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, accept);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return server;
}

/** `server.close` releases the port at once; its callback waits for connections, which live on. */
function closer(servers: readonly Server[]): () => Promise<void> {
  let closing: Promise<void> | undefined;
  return () =>
    (closing ??= new Promise((resolve) => {
      for (const server of servers) server.close();
      setImmediate(resolve);
    }));
}
