import type { Duplex } from "node:stream";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ServiceSpec, Technology } from "#domain/spec/service.ts";
import type { Access } from "../ports/access.ts";
import type { ForwardDriver } from "../ports/forward-driver.ts";
import type { Route } from "../ports/route.ts";

export interface RoutesDependencies {
  readonly access: Access;
  /** A service of the same workspace. */
  service(name: string): ServiceSpec | undefined;
  driver(technology: Technology): Promise<ForwardDriver>;
  /** Called for each SSH server on the way, with the hops before it, before the way goes on from there. */
  onServer?(hop: ServiceSpec | string, before: Route | undefined): Promise<void>;
}

/** `user@` before the name of a service whose target is an SSH server. */
const loginAtService = /^([^@]+)@([^@]+)$/;

/**
 * Turns a service's `via` into a route, outermost hop first. A name is a service of the workspace, else an SSH host:
 * - a service of technology `ssh` stands for its SSH server, whatever it forwards to, with its own `via` before it;
 * - any other service leads to its own target, whatever is asked for: what comes behind it speaks to that;
 * - `user@service` is both: an SSH server behind such a service, known by the service's name.
 * @throws ConnectivityError `dependency_cycle`; what a driver says about a hop
 */
export async function composeRoute(service: ServiceSpec, deps: RoutesDependencies): Promise<Route | undefined> {
  return compose(service, deps, [service.name]);
}

async function compose(
  service: ServiceSpec,
  deps: RoutesDependencies,
  path: readonly string[],
  before?: Route,
): Promise<Route | undefined> {
  let route = before;
  for (const name of service.via ?? []) route = await extend(route, name, deps, path);
  return route;
}

async function extend(
  route: Route | undefined,
  name: string,
  deps: RoutesDependencies,
  path: readonly string[],
): Promise<Route> {
  const service = deps.service(name);
  if (service) return throughService(route, service, deps, path);
  const [, , behind = ""] = loginAtService.exec(name) ?? [];
  const pipe = deps.service(behind);
  const reached = pipe && pipe.technology !== "ssh" ? await throughService(route, pipe, deps, path) : route;
  return throughServer(reached, name, deps);
}

async function throughService(
  before: Route | undefined,
  service: ServiceSpec,
  deps: RoutesDependencies,
  path: readonly string[],
): Promise<Route> {
  if (path.includes(service.name)) {
    const around = [...path, service.name].join(" → ");
    throw new ConnectivityError("dependency_cycle", `the way to ${path[0]} leads through itself: ${around}`, {
      cycle: [...path, service.name],
    });
  }
  const route = await compose(service, deps, [...path, service.name], before);
  if (service.technology === "ssh") return throughServer(route, service, deps);
  return serviceRoute(service, await deps.driver(service.technology), deps.access, route);
}

async function throughServer(route: Route | undefined, hop: ServiceSpec | string, deps: RoutesDependencies) {
  const driver = await deps.driver("ssh");
  await deps.onServer?.(hop, route);
  if (driver.hop) return driver.hop(hop, { access: deps.access, ...(route && { route }) });
  throw new ConnectivityError("not_supported", "the ssh driver has no hops");
}

/** A service as a hop: each stream has a transport of its own, which ends with it. */
function serviceRoute(service: ServiceSpec, driver: ForwardDriver, access: Access, before?: Route): Route {
  const { technology, name, connection, remotePort } = service;
  const via = `${technology} ${name}`;
  return {
    via: before ? `${before.via} → ${via}` : via,
    key: JSON.stringify([technology, connection, remotePort, access.workspaceDir, before?.key]),
    async connect(_to, { signal }): Promise<Duplex> {
      const transport = await driver.open(service, { signal, access, ...(before && { route: before }) });
      try {
        const stream = await transport.connect({ signal });
        stream.once("close", () => transport.destroy());
        return stream;
      } catch (error) {
        transport.destroy();
        throw error;
      }
    },
    watch: (onChange) => {
      const watching = [before?.watch?.(onChange), driver.watch?.(service, access, onChange, before)];
      return { [Symbol.dispose]: () => watching.forEach((watch) => watch?.[Symbol.dispose]()) };
    },
  };
}
