import { isCheckedName } from "#domain/discovery/handle.ts";
import { matchesLabels, requirementsOf } from "#domain/kubernetes/label-selector.ts";
import { isReady, type ObjectMeta, type Pod } from "#domain/kubernetes/pod.ts";
import { bytesText, coresText, parseQuantity } from "#domain/kubernetes/quantity.ts";
import type { PodMetadata, Resources } from "#application/ports/cluster-metadata.ts";
import type { ClusterService } from "#domain/discovery/cluster-targets.ts";
import type { Usage } from "./usage.ts";

type Amounts = Readonly<Record<string, string | undefined>>;

/** A container with what it asks for. */
interface ResourceContainer {
  readonly resources?: { readonly requests?: Amounts; readonly limits?: Amounts };
}

/** An object that may own pods, with its own owner. */
export interface Owner {
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** One pod: where it runs, what it asks for and uses, who owns it and which services lead to it. */
export function podMetadata(
  pod: Pod,
  owners: readonly Owner[],
  services: readonly ClusterService[],
  usage: Usage | undefined,
): PodMetadata {
  const { metadata, spec, status } = pod;
  const node = spec?.nodeName;
  const used = usage?.pods.get(`${metadata.namespace}/${metadata.name}`);
  return {
    pod: metadata.name,
    ...(isCheckedName(node) && { node }),
    ready: isReady(pod),
    restarts: (status?.containerStatuses ?? []).reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
    owners: ownersOf(metadata, owners),
    services: services
      .filter(
        ({ metadata: of, spec: wants }) =>
          of.namespace === metadata.namespace && selects(wants?.selector, metadata.labels),
      )
      .map(({ metadata: { name } }) => name)
      .filter(isCheckedName),
    requests: total(pod, "requests"),
    limits: total(pod, "limits"),
    ...(used && { usage: used }),
  };
}

function selects(selector: Readonly<Record<string, string>> | undefined, labels: ObjectMeta["labels"]): boolean {
  const requirements = requirementsOf({ matchLabels: selector ?? {} });
  return requirements.length > 0 && matchesLabels(requirements, labels);
}

/** From the outermost owner down: a ReplicaSet's Deployment before it. */
function ownersOf({ ownerReferences = [], namespace }: ObjectMeta, known: readonly Owner[]): string[] {
  const [owner] = ownerReferences;
  if (owner === undefined || !isCheckedName(owner.name) || !/^[A-Za-z]{1,63}$/.test(owner.kind)) return [];
  const above = known.find(
    ({ kind, metadata }) => kind === owner.kind && metadata.name === owner.name && metadata.namespace === namespace,
  );
  return [...(above ? ownersOf(above.metadata, known) : []), `${owner.kind.toLowerCase()}/${owner.name}`].slice(-4);
}

/** Over all containers; a limit that one of them does not have is none of the pod. */
function total({ spec }: Pod, which: "requests" | "limits"): Resources {
  const amounts = ((spec?.containers ?? []) as readonly ResourceContainer[]).map(
    ({ resources }) => resources?.[which] ?? {},
  );
  const sum = (name: string): number | undefined => {
    const each = amounts.map((amount) => parseQuantity(amount[name]));
    const some = each.filter((amount) => amount !== undefined);
    if (some.length === 0 || (which === "limits" && some.length < each.length)) return undefined;
    return some.reduce((all, amount) => all + amount, 0);
  };
  const cpu = sum("cpu");
  const memory = sum("memory");
  return {
    ...(cpu !== undefined && { cpu: coresText(cpu) }),
    ...(memory !== undefined && { memory: bytesText(memory) }),
  };
}
