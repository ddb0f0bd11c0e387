import { basename } from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
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
  const ports = new Set(services.flatMap((name) => workspace.declaration(name)?.spec?.localPort || []));
  const holder = { clientId: client.hello.id, clientName: client.hello.name };
  for (const other of deps.engine.workspaces()) {
    if (!(other === workspace ? replace : takeOver)) continue;
    for (const runtime of other.runtimes()) {
      const { name } = runtime.spec;
      if (!runtime.listening || !ports.has(runtime.port) || (other === workspace && services.includes(name))) continue;
      const { kept } = await deps.engine.stop(other, [name], holder, false);
      const [held] = kept;
      if (held) {
        throw new ConnectivityError(
          "held_by_other_client",
          `port ${runtime.port} is held by ${name} for ${held.for.join(", ")}`,
          {
            port: runtime.port,
            service: name,
            workspace: basename(other.path),
            clients: held.for,
          },
        );
      }
    }
  }
}
