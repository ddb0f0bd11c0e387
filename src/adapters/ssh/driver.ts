import type { Access } from "#application/ports/access.ts";
import type {
  DialContext,
  ForwardDriver,
  Hop,
  LoggedIn,
  LoginContext,
  Transport,
} from "#application/ports/forward-driver.ts";
import type { Route } from "#application/ports/route.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ServiceSpec, SshService } from "#domain/spec/service.ts";
import type { DialLimits } from "./dial.ts";
import type { PoolTiming } from "./pooled-server.ts";
import { Servers } from "./servers.ts";
import { declaredHop, type ServerDeclaration } from "./settings.ts";
import { RemoteForwards } from "./forward/remote-forwards.ts";
import { dynamicForward, localForward } from "./forward/forwards.ts";
import { SshTransport } from "./forward/transport.ts";
import { filesOf, watchFiles } from "./watch-files.ts";

/** Forwards by ssh2: one connection per server, route and login, shared by all services behind it. */
export class SshDriver implements ForwardDriver {
  readonly technology = "ssh";
  readonly #servers: Servers;
  readonly #remote = new RemoteForwards();

  constructor(limits: DialLimits, timing: PoolTiming) {
    this.#servers = new Servers(limits, timing);
  }

  async open(service: ServiceSpec, { signal, access, route, farPort }: DialContext): Promise<Transport> {
    signal.throwIfAborted();
    const declared = ssh(service);
    const server = await this.#servers.find(declared.connection, access, route);
    const lease = await server.acquire(signal);
    switch (declared.connection.direction) {
      case "remote":
        return new SshTransport(await this.#remote.open(declared, server, access, lease, signal, farPort));
      case "dynamic":
        return new SshTransport(dynamicForward(declared, server.via, lease));
      default:
        return new SshTransport(localForward(declared, server.via, lease));
    }
  }

  async hop(hop: Hop, { access, route }: { readonly access: Access; readonly route?: Route }): Promise<Route> {
    const declaration: ServerDeclaration = typeof hop === "string" ? declaredHop(hop) : ssh(hop).connection;
    return this.#servers.hop(declaration, access, route);
  }

  async logIn(hop: Hop, { access, route, signal, interaction }: LoginContext): Promise<LoggedIn> {
    const declaration: ServerDeclaration = typeof hop === "string" ? declaredHop(hop) : ssh(hop).connection;
    const server = await this.#servers.find(declaration, access, route, [], interaction);
    const lease = await server.acquire(signal);
    lease.release();
    const { user, host, port } = server.settings;
    return { via: server.via, user, host, port };
  }

  /** A key, a known host or an agent socket that appears or changes, and a server that is back, are worth a new dial. */
  watch(service: ServiceSpec, access: Access, onChange: () => void, route?: Route): Disposable {
    const disposed = new AbortController();
    if (service.technology === "ssh") void this.#watch(service, access, onChange, route, disposed.signal);
    return { [Symbol.dispose]: () => disposed.abort() };
  }

  verify(): Promise<void> {
    return this.#servers.verify();
  }

  close(): Promise<void> {
    return this.#servers.close();
  }

  async #watch(
    { connection }: SshService,
    access: Access,
    onChange: () => void,
    route: Route | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    // What is wrong with the settings is what `open` says; then the configuration has to change anyway.
    const server = await this.#servers.find(connection, access, route).catch(() => undefined);
    if (!server || signal.aborted) return;
    const watching = [watchFiles(filesOf(server.settings), onChange), server.watch(onChange)];
    signal.addEventListener("abort", () => watching.forEach((watch) => watch[Symbol.dispose]()), { once: true });
  }
}

function ssh(service: ServiceSpec): SshService {
  if (service.technology === "ssh") return service;
  throw new ConnectivityError("not_supported", `the ssh driver cannot reach a ${service.technology} service`);
}
