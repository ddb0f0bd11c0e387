import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ServiceSpec, Technology } from "#domain/spec/service.ts";
import { namesServer } from "#domain/ssh/names-server.ts";
import type { ClientSession } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { composeRoute } from "../engine/routes.ts";
import type { Access } from "../ports/access.ts";
import type { ForwardDriver, Hop, LoggedIn } from "../ports/forward-driver.ts";
import type { Interaction } from "../ports/interaction.ts";
import type { Route } from "../ports/route.ts";
import type { Answer } from "../surface/tool-definition.ts";
import { requireWorkspace } from "./scope.ts";

export interface LoginDependencies {
  readonly engine: Engine;
  access(workspace: string): Access;
  driver(technology: Technology): Promise<ForwardDriver>;
}

/**
 * Logs a person in at an SSH server, along the ways of the services that go by it; for a host of no service straight.
 * What waited for the login is dialled again.
 * @throws ConnectivityError of the login; `cancelled` when the person gives up
 */
export async function logIn(
  { engine, ...deps }: LoginDependencies,
  host: string,
  client: ClientSession,
  { interaction, signal }: { readonly interaction: Interaction; readonly signal: AbortSignal },
): Promise<Answer> {
  const workspace = await requireWorkspace(engine, client);
  const driver = await deps.driver("ssh");
  const access = deps.access(workspace.path);
  const logged: LoggedIn[] = [];
  const at = async (hop: Hop, route?: Route): Promise<void> => {
    const loggedIn = await driver.logIn?.(hop, { access, signal, interaction, ...(route && { route }) });
    if (!loggedIn) throw new ConnectivityError("not_supported", "the ssh driver knows no login by a person");
    logged.push(loggedIn);
  };
  const specs = workspace.services.flatMap(({ spec }) => spec ?? []);
  const own = specs.filter((spec) => isServer(host, spec));
  const beyond = specs.filter(({ via }) => via?.some((hop) => namesServer(host, hop)));
  for (const spec of own.length > 0 ? own : beyond) {
    const service = (name: string): ServiceSpec | undefined => workspace.declaration(name)?.spec;
    // Hop by hop: each is reached through those before it.
    const route = await composeRoute(spec, {
      access,
      service,
      driver: (technology) => deps.driver(technology),
      onServer: at,
    });
    if (spec.technology === "ssh" && own.includes(spec)) await at(spec, route);
  }
  if (logged.length === 0) await at(host);
  await engine.environmentChanged(workspace.path);
  const last = logged.at(-1);
  return {
    summary: `Logged in at ${last?.via ?? host} as ${last?.user ?? ""}. The connection is shared by all services, and kept for ten minutes when none uses it.`,
    logged_in: true,
    ...(last && { via: last.via, user: last.user, host: last.host, port: last.port }),
    next_steps: [],
  };
}

/** Its SSH server, or the service itself by its name. */
const isServer = (host: string, { name, technology, connection }: ServiceSpec): boolean =>
  technology === "ssh" && (name === host || namesServer(host, connection));
