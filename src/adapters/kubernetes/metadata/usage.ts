import { bytesText, coresText, parseQuantity } from "#domain/kubernetes/quantity.ts";
import type { Resources } from "#application/ports/cluster-metadata.ts";
import type { ClusterReader } from "../facts/cluster-reader.ts";

/** More nodes are not asked for their summary, which is large. */
const maxNodes = 5;

export interface Usage {
  readonly from: "metrics.k8s.io" | "kubelet summary";
  /** By `namespace/pod`. */
  readonly pods: ReadonlyMap<string, Resources>;
}

interface PodMetrics {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly containers?: readonly { readonly usage?: { readonly cpu?: string; readonly memory?: string } }[];
}

/** What of a kubelet's summary (`stats/v1alpha1`) is looked at. */
export interface Summary {
  readonly pods?: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly cpu?: { readonly usageNanoCores?: number };
    readonly memory?: { readonly workingSetBytes?: number };
  }[];
}

/**
 * What pods use now: by metrics.k8s.io, else by the summaries of the kubelets on whose nodes they run.
 * @returns `undefined` where neither answers, or the account may read neither
 */
export async function readUsage(
  reader: ClusterReader,
  namespaces: readonly string[],
  nodes: readonly string[],
  summaryOf: (node: string) => Promise<Summary>,
): Promise<Usage | undefined> {
  try {
    const metrics = await Promise.all(
      namespaces.map((namespace) => reader.list<PodMetrics>("/apis/metrics.k8s.io/v1beta1", "pods", namespace)),
    );
    return {
      from: "metrics.k8s.io",
      pods: new Map(
        metrics
          .flat()
          .filter(({ containers = [] }) => containers.length > 0)
          .map(metricsRow),
      ),
    };
  } catch {
    // Not installed, or not allowed: the kubelets may answer.
  }
  const summaries = await Promise.all(nodes.slice(0, maxNodes).map((node) => summaryOf(node).catch(() => undefined)));
  const known = summaries.filter((summary) => summary !== undefined);
  if (known.length === 0) return undefined;
  return { from: "kubelet summary", pods: new Map(known.flatMap(({ pods = [] }) => pods.map(summaryRow))) };
}

function metricsRow({ metadata, containers = [] }: PodMetrics): [string, Resources] {
  const sum = (read: (usage: { readonly cpu?: string; readonly memory?: string }) => unknown): number =>
    containers.reduce((total, { usage = {} }) => total + (parseQuantity(read(usage)) ?? 0), 0);
  return [
    `${metadata.namespace}/${metadata.name}`,
    { cpu: coresText(sum(({ cpu }) => cpu)), memory: bytesText(sum(({ memory }) => memory)) },
  ];
}

function summaryRow({ podRef, cpu, memory }: NonNullable<Summary["pods"]>[number]): [string, Resources] {
  return [
    `${podRef.namespace}/${podRef.name}`,
    {
      ...(typeof cpu?.usageNanoCores === "number" && { cpu: coresText(cpu.usageNanoCores / 1e9) }),
      ...(typeof memory?.workingSetBytes === "number" && { memory: bytesText(memory.workingSetBytes) }),
    },
  ];
}
