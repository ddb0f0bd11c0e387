import { Duplex } from "node:stream";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { SshService } from "#domain/spec/service.ts";
import type { Lease } from "../pooled-server.ts";
import { SocksStream } from "./socks-stream.ts";
import type { Forward } from "./transport.ts";

/** `-L`: to one target behind the server, a host and port or a Unix socket. */
export function localForward({ connection, remotePort }: SshService, via: string, lease: Lease): Forward {
  const { remoteSocket, remoteHost } = connection;
  const target = remoteSocket === undefined ? { host: remoteHost, port: remotePort } : { socket: remoteSocket };
  return {
    via,
    connect: ({ signal, client }) => lease.open(target, signal, client),
    takesClients: () => remoteSocket === undefined && lease.connection.takesClients === true,
    facts: () => lease.facts(),
    expiries: () => lease.expiries(),
    closed: lease.closed,
    release: () => lease.release(),
  };
}

/**
 * `-D`: to whatever a client asks for by SOCKS. Its check goes to `remote_host` and `remote_port` where a port is given;
 * else a question that the server answers is what can be verified.
 */
export function dynamicForward({ connection, remotePort }: SshService, via: string, lease: Lease): Forward {
  return {
    via,
    connect: () => Promise.resolve(new SocksStream((to, signal) => lease.open(to, signal))),
    connectForCheck: async ({ signal }) => {
      if (remotePort > 0) return lease.open({ host: connection.remoteHost, port: remotePort }, signal);
      await lease.connection.ask(signal);
      return silence();
    },
    facts: () => ({ ...lease.facts(), proxy: "socks5" }),
    expiries: () => lease.expiries(),
    closed: lease.closed,
    release: () => lease.release(),
  };
}

/** Takes everything and says nothing. */
const silence = (): TunnelStream => new Duplex({ read() {}, write: (_chunk, _encoding, callback) => callback() });
