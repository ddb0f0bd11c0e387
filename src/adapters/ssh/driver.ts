import type { Access } from "#application/ports/access.ts";
import type { DialContext, ForwardDriver, Hop, Transport } from "#application/ports/forward-driver.ts";
import type { Route } from "#application/ports/route.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ServiceSpec, SshService } from "#domain/spec/service.ts";
import type { DialLimits } from "./dial.ts";
import { hopRoute } from "./hop-route.ts";
import { Servers } from "./servers.ts";
import { declaredHop, resolveSettings, type ServerDeclaration } from "./settings.ts";
import { SshTransport } from "./transport.ts";
import { filesOf, watchFiles } from "./watch-files.ts";

/** Local forwards by ssh2: one connection per bastion and login, shared by all services behind it. */
export class SshDriver implements ForwardDriver {
  readonly technology = "ssh";
  readonly #servers: Servers;

  constructor(limits: DialLimits, lingerMs: number) {
    this.#servers = new Servers(limits, lingerMs);
  }

  async open(service: ServiceSpec, { signal, access, route }: DialContext): Promise<Transport> {
    signal.throwIfAborted();
    const { connection, remotePort } = ssh(service);
    const server = await this.#servers.find(connection, access, route);
    const lease = await server.acquire(signal);
    return new SshTransport(server.via, lease, { host: connection.remoteHost, port: remotePort });
  }

  async hop(hop: Hop, { access, route }: { readonly access: Access; readonly route?: Route }): Promise<Route> {
    const declaration: ServerDeclaration = typeof hop === "string" ? declaredHop(hop) : ssh(hop).connection;
    const server = await this.#servers.find(declaration, access, route);
    return hopRoute(server, route, this.#servers.limits.handshakeMs);
  }

  /** A key, a known host or an agent socket that appears or changes is worth a new dial. */
  watch(service: ServiceSpec, access: Access, onChange: () => void): Disposable {
    const disposed = new AbortController();
    if (service.technology === "ssh") void watchSettings(service, access, onChange, disposed.signal);
    return { [Symbol.dispose]: () => disposed.abort() };
  }

  close(): Promise<void> {
    return this.#servers.close();
  }
}

function ssh(service: ServiceSpec): SshService {
  if (service.technology === "ssh") return service;
  throw new ConnectivityError("not_supported", `the ssh driver cannot reach a ${service.technology} service`);
}

async function watchSettings(
  service: SshService,
  access: Access,
  onChange: () => void,
  signal: AbortSignal,
): Promise<void> {
  // What is wrong with the settings is what `open` says; then the configuration has to change anyway.
  const settings = await resolveSettings(service.connection, access).catch(() => undefined);
  if (!settings || signal.aborted) return;
  const watching = watchFiles(filesOf(settings), onChange);
  signal.addEventListener("abort", () => watching[Symbol.dispose](), { once: true });
}
