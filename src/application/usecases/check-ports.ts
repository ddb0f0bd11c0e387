import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Plan } from "#domain/plan/plan.ts";
import { hasLocalEnd } from "#domain/spec/local-end.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { ServiceDeclaration } from "#domain/spec/configuration.ts";
import type { UseCaseDependencies } from "./scope.ts";

/**
 * Looks whether the local ports that a plan would open are free, so that it does not end in a refusal.
 * @throws ConnectivityError `local_port_in_use` when a service of another workspace holds one
 */
export function checkPorts(
  deps: UseCaseDependencies,
  workspace: Workspace | undefined,
  plan: Plan,
  services: readonly ServiceDeclaration[],
): string[] {
  const opened = [...plan.impact.starts, ...plan.impact.restarts];
  const checked: string[] = [];
  for (const { name, spec } of services) {
    // A remote forward leads to its port: it opens none.
    if (!spec || spec.localPort === 0 || !opened.includes(name) || !hasLocalEnd(spec)) continue;
    if (workspace?.runtime(name)?.port === spec.localPort) continue;
    for (const other of deps.engine.workspaces()) {
      for (const runtime of other.runtimes()) {
        if (!runtime.listening || runtime.port !== spec.localPort || other === workspace || !hasLocalEnd(runtime.spec))
          continue;
        const owner = runtime.spec.name;
        throw new ConnectivityError(
          "local_port_in_use",
          `port ${spec.localPort} of ${name} is held by ${owner} of another workspace; choose another, or leave local_port out`,
          { port: spec.localPort, service: name, owner_service: owner, owner_workspace: other.path },
        );
      }
    }
    checked.push(`no other service of yours holds port ${spec.localPort}`);
  }
  return checked;
}
