import type { Failure } from "#domain/connectivity-error.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { matchesLabels } from "#domain/kubernetes/label-selector.ts";
import { nearestName } from "#domain/names.ts";
import type { Access } from "#application/ports/access.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { podRequirements, targetKinds, type TargetObject } from "./target-kinds.ts";
import type { Target } from "./target.ts";

interface Objects {
  readonly items?: readonly TargetObject[];
}

const namesRead = "500";

/**
 * Looks once more at a target that leads nowhere: whether its namespace is there, which name was meant, which workload
 * behind its service is scaled to zero. What the user may not read is left out.
 * @throws the signal's reason
 */
export async function explainMissing(
  api: ClusterApi,
  target: Target,
  failure: Failure,
  access: Access,
  signal: AbortSignal,
): Promise<Failure> {
  const list = async (
    group: string,
    resource: string,
    namespace?: string,
  ): Promise<readonly TargetObject[] | undefined> => {
    const answer = await tolerate(
      api.json<Objects>({
        path:
          namespace === undefined
            ? `${group}/${resource}`
            : `${group}/namespaces/${encodeURIComponent(namespace)}/${resource}`,
        query: { limit: namesRead },
        subject: { verb: "list", resource, namespace },
        access,
        signal,
      }),
      signal,
    );
    return answer?.items;
  };
  if (failure.code === "resource_missing" || (failure.code === "no_matching_pods" && target.name === undefined)) {
    const missing = await namespaceMissing(api, target, access, signal);
    if (missing) {
      const names = ((await list("/api/v1", "namespaces")) ?? []).map(({ metadata }) => metadata.name);
      return withNearest(missing, target.namespace, names);
    }
    if (target.name === undefined) return failure;
    const { group, resource } = targetKinds[target.kind] ?? { group: "/api/v1", resource: "pods" };
    const names = ((await list(group, resource, target.namespace)) ?? []).map(({ metadata }) => metadata.name);
    return withNearest(failure, target.name, names);
  }
  if (failure.code === "no_matching_pods" && target.kind === "service" && target.selector === undefined) {
    const services = (await list("/api/v1", "services", target.namespace)) ?? [];
    const service = services.find(({ metadata }) => metadata.name === target.name);
    const requirements = service && podRequirements("service", service);
    for (const kind of ["deployment", "statefulset"] as const) {
      const { group, resource } = targetKinds[kind] ?? { group: "", resource: "" };
      for (const workload of (await list(group, resource, target.namespace)) ?? []) {
        const labels = workload.spec?.template?.metadata?.labels;
        if (workload.spec?.replicas !== 0 || !requirements || !matchesLabels(requirements, labels)) continue;
        return {
          code: "scaled_to_zero",
          message: `${kind} ${workload.metadata.name} behind service ${target.name} is scaled to zero`,
          facts: { ...failure.facts, [kind]: workload.metadata.name },
        };
      }
    }
  }
  return failure;
}

async function namespaceMissing(
  api: ClusterApi,
  { namespace }: Target,
  access: Access,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  try {
    await api.json({
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}`,
      subject: { verb: "get", resource: "namespaces", name: namespace },
      access,
      signal,
    });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ConnectivityError) || error.code !== "resource_missing") return undefined;
    const facts = { namespace, context: api.context.name };
    return { code: "namespace_missing", message: `the cluster has no namespace ${namespace}`, facts };
  }
}

function withNearest(failure: Failure, name: string, names: readonly string[]): Failure {
  const nearest = nearestName(
    name,
    names.filter((other) => other !== name),
  );
  return nearest === undefined ? failure : { ...failure, facts: { ...failure.facts, nearest } };
}

/** @throws only the signal's reason */
async function tolerate<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await work;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
