import { once } from "node:events";
import net, { isIP } from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import { httpConnect } from "#adapters/net/http-connect.ts";
import type { ProxiedEnd } from "#adapters/net/proxy-failure.ts";
import { socks5Connect } from "#adapters/net/socks5-connect.ts";
import type { ServerProxy, ServerWay } from "./server-way.ts";
import { systemAuthorities } from "./system-authorities.ts";

/** What a proxy's own certificate is checked by: as with kubectl, by what the kubeconfig says of the cluster. */
export interface ProxyTrust {
  readonly ca: Buffer | undefined;
  readonly insecure: boolean;
}

/**
 * Connects to an API server's port by a way that is not straight: through hops, a proxy, or both. TLS comes after.
 * @throws ConnectivityError `cluster_unreachable`, `proxy_refused`, what a hop throws; the socket's error; the signal's reason
 */
export async function dialServer(
  way: ServerWay,
  server: ProxiedEnd,
  trust: ProxyTrust,
  signal: AbortSignal,
): Promise<Duplex> {
  const { proxy, route } = way;
  if (proxy === undefined) return connect(way, server, signal);
  let connection: Duplex | undefined;
  try {
    connection = await toProxy(way, proxy, trust, signal);
    const ask = proxy.kind === "socks5" ? socks5Connect : httpConnect;
    await ask(connection, server, proxy.login, signal);
    return connection;
  } catch (error) {
    connection?.destroy();
    signal.throwIfAborted();
    throw proxyFailure(error, proxy, route?.via);
  }
}

async function toProxy(
  way: ServerWay,
  proxy: ServerProxy,
  { ca, insecure }: ProxyTrust,
  signal: AbortSignal,
): Promise<Duplex> {
  const connection = await connect(way, proxy, signal);
  if (proxy.kind !== "https") return connection;
  const encrypted = tls.connect({
    socket: connection,
    ...(isIP(proxy.host) === 0 && { servername: proxy.host }),
    host: proxy.host,
    ca: [...systemAuthorities(), ...(ca === undefined ? [] : [ca.toString("utf8")])],
    rejectUnauthorized: !insecure,
    ALPNProtocols: ["http/1.1"],
  });
  try {
    await once(encrypted, "secureConnect", { signal });
    return encrypted;
  } catch (error) {
    encrypted.destroy();
    throw error;
  }
}

/** The first connection: by the hops, or straight. */
async function connect({ route }: ServerWay, to: ProxiedEnd, signal: AbortSignal): Promise<Duplex> {
  if (route !== undefined) {
    try {
      return await route.connect({ host: to.host, port: to.port }, { signal });
    } catch (error) {
      throw hopFailure(error, to, route.via);
    }
  }
  const socket = net.connect({ host: to.host, port: to.port, noDelay: true, allowHalfOpen: false });
  try {
    await once(socket, "connect", { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The last hop cannot reach what is behind it: about the cluster. Everything else is the hop's own. */
function hopFailure(error: unknown, to: ProxiedEnd, via: string): unknown {
  if (!(error instanceof ConnectivityError)) return error;
  if (error.code !== "target_unreachable" && error.code !== "target_port_closed") return error;
  return new ConnectivityError(
    "cluster_unreachable",
    `the API server cannot be reached from ${via}`,
    { ...error.facts, host: to.host, port: to.port, via },
    { cause: error, ...(error.untrusted !== undefined && { untrusted: error.untrusted }) },
  );
}

function proxyFailure(error: unknown, proxy: ServerProxy, via: string | undefined): unknown {
  const facts: Facts = {
    proxy: `${proxy.kind}://${proxy.host.includes(":") ? `[${proxy.host}]` : proxy.host}:${proxy.port}`,
    named_by: proxy.namedBy,
    ...(via !== undefined && { via }),
  };
  if (error instanceof ConnectivityError) {
    const ours =
      error.code === "proxy_refused" || error.code === "connection_lost" || error.code === "protocol_mismatch";
    if (!ours) return error;
    return new ConnectivityError(
      "proxy_refused",
      error.code === "proxy_refused" ? error.message : `the proxy breaks off: ${error.message}`,
      { ...error.facts, ...facts },
      { cause: error, ...(error.untrusted !== undefined && { untrusted: error.untrusted }) },
    );
  }
  const reason = (error as NodeJS.ErrnoException).code;
  return new ConnectivityError(
    "cluster_unreachable",
    "the proxy in front of the API server cannot be reached",
    { ...facts, ...(reason !== undefined && { reason }) },
    { cause: error },
  );
}
