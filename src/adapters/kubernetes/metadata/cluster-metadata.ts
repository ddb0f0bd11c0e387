import { toConnectivityError } from "#domain/connectivity-error.ts";
import { isCheckedName } from "#domain/discovery/handle.ts";
import type { ClusterService } from "#domain/discovery/cluster-targets.ts";
import type { Unreadable } from "#domain/discovery/target.ts";
import { matchesLabels } from "#domain/kubernetes/label-selector.ts";
import type { Pod } from "#domain/kubernetes/pod.ts";
import { providerOf } from "#domain/kubernetes/provider.ts";
import type { ClusterMetadata, ClusterMetadataSource, OfInterest } from "#application/ports/cluster-metadata.ts";
import type { Access } from "#application/ports/access.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import type { Clusters } from "../clusters.ts";
import { unreadableOf } from "../discovery/read-cluster.ts";
import { ClusterReader } from "../facts/cluster-reader.ts";
import { readEvents } from "../facts/events.ts";
import { podRequirements, targetKinds, type TargetObject } from "../target/target-kinds.ts";
import { nodeMetadata, providerMarks, quotaRow, type NodeObject, type QuotaObject } from "./node-metadata.ts";
import { ownWords } from "./own-words.ts";
import { podMetadata, type Owner } from "./pod-metadata.ts";
import { readUsage, type Summary } from "./usage.ts";

const timeoutMs = 8000;
const listLimit = "500";
const shownNamespaces = 100;
const shownEvents = 20;
const maxNamespaces = 8;

interface Looking {
  readonly access: Access;
  readonly signal: AbortSignal;
}

/** Reads a cluster's version, provider, nodes, namespaces, quotas, warnings and what is behind services, all at once. */
export class KubernetesMetadata implements ClusterMetadataSource {
  readonly #clusters: Clusters;

  constructor(clusters: Clusters) {
    this.#clusters = clusters;
  }

  async read(context: string | undefined, targets: readonly OfInterest[], looking: Looking): Promise<ClusterMetadata> {
    const signal = AbortSignal.any([looking.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const api = await this.#clusters.api(looking.access, context);
      const read = await readAll(api, targets, { access: looking.access, signal });
      looking.signal.throwIfAborted();
      return read;
    } catch (thrown) {
      looking.signal.throwIfAborted();
      const name = context ?? "current context";
      const unreadable = [unreadableOf(`context ${name}`, toConnectivityError(thrown))];
      return { context: name, tlsVerified: true, quotas: [], events: [], targets: [], unreadable };
    }
  }
}

async function readAll(api: ClusterApi, targets: readonly OfInterest[], looking: Looking): Promise<ClusterMetadata> {
  const reader = new ClusterReader(api, looking.access, looking.signal);
  const unreadable: Unreadable[] = [];
  const may = async <T>(what: string, reading: Promise<T>): Promise<T | undefined> => {
    try {
      return await reading;
    } catch (thrown) {
      unreadable.push(unreadableOf(what, toConnectivityError(thrown)));
      return undefined;
    }
  };
  const each = async <T>(what: string, read: (namespace: string) => Promise<readonly T[]>): Promise<readonly T[]> =>
    (await Promise.all(namespaces.map((of) => may(`${what} of namespace ${of}`, read(of))))).flatMap(
      (some) => some ?? [],
    );
  const namespaces = [...new Set(targets.map(({ namespace }) => namespace))].slice(0, maxNamespaces);
  const list =
    <T>(group: string, resource: string) =>
    (namespace: string): Promise<readonly T[]> =>
      reader.list<T>(group, resource, namespace, { limit: listLimit });
  const [version, groups, nodes, names, quotas, events, pods, services, replicaSets, jobs, objects] = await Promise.all(
    [
      may(
        "the version",
        api.json<{ gitVersion?: string }>({
          path: "/version",
          subject: { verb: "get", resource: "version" },
          ...looking,
        }),
      ),
      may(
        "the API groups",
        api.json<{ groups?: readonly { name?: string }[] }>({
          path: "/apis",
          subject: { verb: "get", resource: "apis" },
          ...looking,
        }),
      ),
      may("nodes", reader.list<NodeObject>("/api/v1", "nodes", undefined, { limit: listLimit })),
      may(
        "namespaces",
        reader.list<{ metadata: { name: string } }>("/api/v1", "namespaces", undefined, { limit: listLimit }),
      ),
      each("quotas", list<QuotaObject>("/api/v1", "resourcequotas")),
      each("events", async (of) => (await readEvents(reader, of)).map((event) => ({ namespace: of, ...event }))),
      each("pods", list<Pod>("/api/v1", "pods")),
      each("services", list<ClusterService>("/api/v1", "services")),
      each("replicasets", list<Omit<Owner, "kind">>("/apis/apps/v1", "replicasets")),
      each("jobs", list<Omit<Owner, "kind">>("/apis/batch/v1", "jobs")),
      Promise.all(targets.map((target) => may(`${target.kind} ${target.name ?? ""}`.trim(), objectOf(reader, target)))),
    ],
  );
  const owners: Owner[] = [
    ...replicaSets.map(({ metadata }) => ({ kind: "ReplicaSet", metadata })),
    ...jobs.map(({ metadata }) => ({ kind: "Job", metadata })),
  ];
  const selected = targets.map((target, index) => ({
    target,
    object: objects[index],
    pods: podsBehind(target, objects[index], pods),
  }));
  const used = [...new Set(selected.flatMap((one) => one.pods.flatMap(({ spec }) => spec?.nodeName ?? [])))];
  const summaryOf = (node: string): Promise<Summary> =>
    api.json<Summary>({
      path: `/api/v1/nodes/${encodeURIComponent(node)}/proxy/stats/summary`,
      subject: { verb: "get", resource: "nodes/proxy", name: node },
      ...looking,
    });
  const usage = used.length === 0 ? undefined : await readUsage(reader, namespaces, used, summaryOf);
  const gitVersion = typeof version?.gitVersion === "string" ? version.gitVersion : undefined;
  const provider = providerOf(
    providerMarks(gitVersion ?? "", api.context.server.hostname, groups?.groups ?? [], nodes ?? []),
  );
  return {
    context: api.context.name,
    tlsVerified: !api.context.tls.insecure,
    ...(gitVersion !== undefined && /^v?[\w.+-]{1,64}$/.test(gitVersion) && { version: gitVersion }),
    ...(provider && { provider: { name: provider.provider, by: provider.by } }),
    ...(nodes && { nodes: nodes.map(nodeMetadata).filter(({ node }) => isCheckedName(node)) }),
    ...(names && {
      namespaces: names
        .map(({ metadata }) => metadata.name)
        .filter(isCheckedName)
        .slice(0, shownNamespaces),
    }),
    quotas: quotas.flatMap((quota) => quotaRow(quota) ?? []),
    events: events.toSorted((left, right) => right.lastMs - left.lastMs).slice(0, shownEvents),
    targets: selected.map(({ target, object, pods: behind }) => ({
      ...target,
      pods: behind.map((pod) => podMetadata(pod, owners, services, usage)).filter(({ pod }) => isCheckedName(pod)),
      labels: ownWords(object?.metadata.labels),
      annotations: ownWords(annotationsOf(object)),
    })),
    ...(usage && { usageFrom: usage.from }),
    unreadable,
  };
}

/** The Service, workload or pod itself; `undefined` for pods that only a selector names. */
async function objectOf(
  reader: ClusterReader,
  { kind, namespace, name }: OfInterest,
): Promise<TargetObject | undefined> {
  if (name === undefined) return undefined;
  const { group, resource } = targetKinds[kind] ?? { group: "/api/v1", resource: "pods" };
  return reader.get<TargetObject>(group, resource, namespace, name);
}

function podsBehind(
  { kind, namespace, name }: OfInterest,
  object: TargetObject | undefined,
  pods: readonly Pod[],
): readonly Pod[] {
  const inNamespace = pods.filter(({ metadata }) => metadata.namespace === namespace);
  if (kind === "pod") return inNamespace.filter(({ metadata }) => metadata.name === name);
  const requirements = object && podRequirements(kind, object);
  return requirements ? inNamespace.filter(({ metadata }) => matchesLabels(requirements, metadata.labels)) : [];
}

const annotationsOf = (object: TargetObject | undefined): Readonly<Record<string, string>> | undefined =>
  (object?.metadata as { readonly annotations?: Readonly<Record<string, string>> } | undefined)?.annotations;
