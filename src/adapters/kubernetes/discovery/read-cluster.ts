import { type ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import type { ClusterObjects, ClusterService, ClusterWorkload } from "#domain/discovery/cluster-targets.ts";
import { isCheckedName } from "#domain/discovery/handle.ts";
import type { Unreadable } from "#domain/discovery/target.ts";
import type { ObjectMeta, Pod } from "#domain/kubernetes/pod.ts";
import type { Access } from "#application/ports/access.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { prunePod } from "../watch/prune-pod.ts";
import { listObjects, type ListedKind } from "./list-objects.ts";

const kinds = {
  services: { group: "/api/v1", resource: "services" },
  pods: { group: "/api/v1", resource: "pods" },
  namespaces: { group: "/api/v1", resource: "namespaces" },
} as const satisfies Record<string, ListedKind>;

const workloadKinds: readonly (ListedKind & { readonly kind: ClusterWorkload["kind"] })[] = [
  { group: "/apis/apps/v1", resource: "deployments", kind: "deployment" },
  { group: "/apis/apps/v1", resource: "statefulsets", kind: "statefulset" },
  { group: "/apis/apps/v1", resource: "daemonsets", kind: "daemonset" },
  { group: "/apis/batch/v1", resource: "jobs", kind: "job" },
];

export interface ReadCluster {
  readonly objects: ClusterObjects;
  readonly namespaces: readonly string[] | undefined;
  readonly unreadable: readonly Unreadable[];
}

interface Reading {
  readonly api: ClusterApi;
  /** `undefined`: all. */
  readonly namespace: string | undefined;
  readonly current: boolean;
  readonly access: Access;
  readonly signal: AbortSignal;
}

/**
 * Reads what can be connected in one cluster, all kinds at the same time. Whoever may not look into all namespaces looks
 * into the context's own. Never throws: what could not be read is told.
 */
export async function readCluster(reading: Reading): Promise<ReadCluster> {
  const { api, current } = reading;
  const unreadable: Unreadable[] = [];
  const list = <T extends { readonly metadata: ObjectMeta }>(
    kind: ListedKind,
    prune: (item: T) => T,
    everywhere = false,
  ): Promise<readonly T[]> => readKind(reading, kind, prune, everywhere, unreadable);
  const [services, pods, namespaces, ...workloads] = await Promise.all([
    list<ClusterService>(kinds.services, pruneService),
    list<Pod>(kinds.pods, prunePod),
    reading.namespace === undefined
      ? list<{ metadata: ObjectMeta }>(kinds.namespaces, ({ metadata }) => ({ metadata: pruneMeta(metadata) }), true)
      : [{ metadata: { name: reading.namespace } }],
    ...workloadKinds.map((kind) => list<ClusterWorkload>(kind, (item) => pruneWorkload(item, kind.kind))),
  ]);
  const names = namespaces.map(({ metadata }) => metadata.name).filter(isCheckedName);
  return {
    objects: { context: api.context.name, current, services, pods, workloads: workloads.flat() },
    namespaces: names.length > 0 ? names : undefined,
    unreadable: foldUnreadable(unreadable, api.context.name),
  };
}

async function readKind<T extends { readonly metadata: ObjectMeta }>(
  { api, namespace, access, signal }: Reading,
  kind: ListedKind,
  prune: (item: T) => T,
  everywhere: boolean,
  unreadable: Unreadable[],
): Promise<readonly T[]> {
  const what = `${kind.resource}${namespace === undefined ? "" : ` of namespace ${namespace}`} in context ${api.context.name}`;
  const tell = (error: ConnectivityError): void => void unreadable.push(unreadableOf(what, error));
  const read = async (of: string | undefined): Promise<readonly T[]> => {
    const { items, cut } = await listObjects(api, kind, of, prune, { access, signal });
    if (cut)
      unreadable.push({
        what,
        code: "not_supported",
        why: `only the first ${items.length} were read; name a namespace`,
      });
    return items;
  };
  try {
    return await read(namespace);
  } catch (thrown) {
    const error = toConnectivityError(thrown);
    tell(error);
    if (error.code !== "permission_denied" || namespace !== undefined || everywhere) return [];
  }
  return read(api.context.namespace ?? "default").catch(() => []);
}

/** A failure of the connection is one thing, whatever was asked for. */
function foldUnreadable(unreadable: readonly Unreadable[], context: string): Unreadable[] {
  const broken = unreadable.find(({ code }) => code !== "permission_denied" && code !== "not_supported");
  return broken === undefined ? [...unreadable] : [{ ...broken, what: `context ${context}` }];
}

/** What could not be read, in an answer's words. */
export const unreadableOf = (what: string, { code, message, untrusted }: ConnectivityError): Unreadable => ({
  what,
  code,
  why: message,
  ...(untrusted !== undefined && { untrusted }),
});

const pruneMeta = ({ name, namespace, labels }: ObjectMeta): ObjectMeta => ({
  name,
  ...(namespace !== undefined && { namespace }),
  ...(labels !== undefined && { labels }),
});

const pruneService = ({ metadata, spec }: ClusterService): ClusterService => ({
  metadata: pruneMeta(metadata),
  ...(spec && {
    spec: {
      ...(spec.selector && { selector: spec.selector }),
      ...(spec.ports && {
        ports: spec.ports.map(({ name, port, protocol }) => ({
          ...(name !== undefined && { name }),
          port,
          ...(protocol !== undefined && { protocol }),
        })),
      }),
    },
  }),
});

const pruneWorkload = ({ metadata, spec }: ClusterWorkload, kind: ClusterWorkload["kind"]): ClusterWorkload => ({
  kind,
  metadata: pruneMeta(metadata),
  ...(spec && {
    spec: {
      ...(spec.selector && { selector: spec.selector }),
      template: {
        ...(spec.template?.metadata?.labels && { metadata: { labels: spec.template.metadata.labels } }),
        spec: {
          containers: (spec.template?.spec?.containers ?? []).map(({ name, image, ports }) => ({
            name,
            ...(image !== undefined && { image }),
            ...(ports && { ports }),
          })),
        },
      },
    },
  }),
});
