import { toConnectivityError } from "#domain/connectivity-error.ts";
import type { KubernetesService, ServiceSpec } from "#domain/spec/service.ts";
import { dial } from "../engine/dial.ts";
import { limited } from "../engine/limited.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { ForwardDriver } from "../ports/forward-driver.ts";

export interface TryDependencies {
  readonly clock: Clock;
  driver(technology: ServiceSpec["technology"]): Promise<ForwardDriver>;
  access(workspace: string): Access;
}

/** What planned services would lead to, by name; a service that could not be asked in time stands in neither. */
export interface TriedTargets {
  readonly resolved: ReadonlyMap<string, string>;
  readonly unreached: readonly { readonly service: string; readonly code: string; readonly message: string }[];
}

/** A plan is read by a person who waits. */
const withinMs = 2500;
const mostTried = 20;

/**
 * Opens the way to the targets of planned services and closes it again: nothing listens for it, nothing is sent. Only
 * Kubernetes targets without hops: their contexts are the person's own, whereas a plan that names another server must not
 * be what makes this machine call there. Never rejects.
 */
export async function tryTargets(
  deps: TryDependencies,
  workspace: string,
  specs: readonly ServiceSpec[],
  signal: AbortSignal,
): Promise<TriedTargets> {
  const asked = specs.filter(isOwn).slice(0, mostTried);
  const resolved = new Map<string, string>();
  const unreached: TriedTargets["unreached"][number][] = [];
  using limit = limited(deps.clock, withinMs, signal);
  const context = { signal: limit.signal, access: deps.access(workspace) };
  await Promise.all(
    asked.map(async (spec) => {
      try {
        const transport = await dial(deps.driver(spec.technology), spec, context);
        const { port } = transport.facts();
        resolved.set(spec.name, `${targetOf(spec)}: ${transport.via}, port ${String(port ?? spec.remotePort)}`);
        transport.destroy();
      } catch (error) {
        if (context.signal.aborted) return;
        const { code, message } = toConnectivityError(error);
        unreached.push({ service: spec.name, code, message });
      }
    }),
  );
  return { resolved, unreached };
}

const isOwn = (spec: ServiceSpec): spec is KubernetesService =>
  spec.technology === "kubernetes" && spec.enabled && (spec.via ?? []).length === 0;

const targetOf = ({ connection }: KubernetesService): string =>
  `${connection.resourceType} ${connection.resourceName ?? connection.selector ?? ""} in ${connection.namespace}`;
