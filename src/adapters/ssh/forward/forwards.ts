import { Duplex } from "node:stream";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
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
  let allowed: Promise<void> | undefined;
  return {
    via,
    connect: () => Promise.resolve(new SocksStream((to, signal) => lease.open(to, signal))),
    connectForCheck: async ({ signal }) => {
      if (remotePort > 0) return lease.open({ host: connection.remoteHost, port: remotePort }, signal);
      // What a server allows it does not change for a session.
      await (allowed ??= forwards(lease, signal).catch((error: unknown) => {
        allowed = undefined;
        throw error;
      }));
      await lease.connection.ask(signal);
      return silence();
    },
    facts: () => ({ ...lease.facts(), proxy: "socks5" }),
    expiries: () => lease.expiries(),
    closed: lease.closed,
    release: () => lease.release(),
  };
}

/** A port of the server itself where nothing listens (tcpmux): the answer tells a refusal of the server from one of the port. */
const nowhere = { host: "127.0.0.1", port: 1 };

/** Whether the server forwards at all; one with `AllowTcpForwarding no` lets in and answers questions all the same. */
async function forwards(lease: Lease, signal: AbortSignal): Promise<void> {
  try {
    (await lease.open(nowhere, signal)).destroy();
  } catch (error) {
    const { code } = toConnectivityError(error);
    if (code === "target_unreachable" && !signal.aborted) return;
    if (code !== "ssh_forwarding_prohibited") throw error;
    throw new ConnectivityError(
      code,
      "the SSH server does not allow forwarding (AllowTcpForwarding); where it allows some targets only (PermitOpen), name one by remote_host and remote_port",
      { direction: "dynamic" },
      { cause: error },
    );
  }
}

/** Takes everything and says nothing. */
const silence = (): TunnelStream => new Duplex({ read() {}, write: (_chunk, _encoding, callback) => callback() });
