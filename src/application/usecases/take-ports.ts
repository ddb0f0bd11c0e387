import { basename } from "node:path";
import { startOrder } from "#domain/dependency-order.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { hasLocalEnd } from "#domain/spec/local-end.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { CallContext } from "../surface/tool-definition.ts";
import type { UseCaseDependencies } from "./scope.ts";

/**
 * Frees the ports that services need: `replace` stops what else this workspace runs on them, `take_over` what another
 * workspace of the same person does. What another connected client wants is never taken.
 * @throws ConnectivityError `held_by_other_client`
 */
export async function takePorts(
  deps: UseCaseDependencies,
  workspace: Workspace,
  services: readonly string[],
  {
    replace = false,
    take_over: takeOver = false,
  }: { readonly replace?: boolean | undefined; readonly take_over?: boolean | undefined },
  { client }: CallContext,
): Promise<void> {
  const dependsOn = (name: string): readonly string[] => workspace.declaration(name)?.spec?.dependsOn ?? [];
  const starting = startOrder(services, dependsOn);
  const specs = starting.flatMap((name) => workspace.declaration(name)?.spec ?? []);
  const ports = new Set(specs.filter(hasLocalEnd).flatMap(({ localPort }) => localPort || []));
  const holder = { clientId: client.hello.id, clientName: client.hello.name };
  const inTheWay = [...deps.engine.workspaces()]
    .filter((other) => (other === workspace ? replace : takeOver))
    .flatMap((other) => [...other.runtimes()].map((runtime) => ({ other, runtime, name: runtime.spec.name })))
    .filter(({ runtime }) => hasLocalEnd(runtime.spec) && runtime.listening && ports.has(runtime.port))
    .filter(({ other, name }) => other !== workspace || !starting.includes(name));
  // All are asked about before the first is stopped.
  for (const { other, runtime, name } of inTheWay) {
    const others = deps.engine.othersWanting(other, name, client.hello.id);
    if (others.length === 0) continue;
    throw new ConnectivityError(
      "held_by_other_client",
      `port ${runtime.port} is held by ${name} for ${others.join(", ")}`,
      { port: runtime.port, service: name, workspace: basename(other.path), clients: others },
    );
  }
  await Promise.all(inTheWay.map(({ other, name }) => deps.engine.stop(other, [name], holder, false)));
}
