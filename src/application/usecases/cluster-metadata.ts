import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ClusterMetadata, ClusterMetadataSource, OfInterest } from "../ports/cluster-metadata.ts";
import type { Access } from "../ports/access.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer } from "../surface/tool-definition.ts";
import { cleanName } from "../surface/untrusted.ts";
import { unreadableRow } from "./discover-targets.ts";
import { ageSeconds } from "./service-row.ts";

export interface MetadataDependencies {
  /** Loads the source on first use. */
  readonly metadata: () => Promise<ClusterMetadataSource>;
  readonly access: (workspace: string) => Access;
}

/** More clusters are not asked in one answer. */
const maxContexts = 4;
const shownNodes = 20;
const shownPods = 20;
const readWithinMs = 12_000;

/** What the workspace's services lead to, by context; `undefined`: the current one. */
function contextsOf(workspace: Workspace, services: readonly string[]): Map<string | undefined, OfInterest[]> {
  const contexts = new Map<string | undefined, OfInterest[]>();
  for (const service of services) {
    const spec = workspace.declaration(service)?.spec;
    if (spec?.technology !== "kubernetes") continue;
    const { context, namespace, resourceType: kind, resourceName: name } = spec.connection;
    contexts.set(context, [...(contexts.get(context) ?? []), { service, namespace, kind, name }]);
  }
  return contexts;
}

/** The clusters behind services, at most four, asked at the same time. */
export async function clusterMetadata(
  { metadata, access }: MetadataDependencies,
  workspace: Workspace,
  services: readonly string[],
  nowMs: number,
  signal: AbortSignal,
): Promise<object[]> {
  const contexts = [...contextsOf(workspace, services)].slice(0, maxContexts);
  if (contexts.length === 0) return [];
  const source = await metadata();
  const looking = { access: access(workspace.path), signal };
  const read = await Promise.all(contexts.map(([context, targets]) => source.read(context, targets, looking)));
  return read.map((one) => metadataRow(one, nowMs));
}

/** One cluster in an answer: text of its own stands only under `untrusted`. */
export function metadataRow(read: ClusterMetadata, nowMs: number): Record<string, unknown> {
  const { nodes, events, targets, unreadable, quotas } = read;
  return {
    context: cleanName(read.context, 200),
    ...(read.version !== undefined && { version: read.version }),
    ...(read.provider && { provider: read.provider.name, provider_known_by: read.provider.by }),
    ...(!read.tlsVerified && { warning: "its certificate is not checked (insecure-skip-tls-verify)" }),
    ...(nodes && {
      nodes: nodes.slice(0, shownNodes),
      nodes_ready: `${nodes.filter(({ ready }) => ready).length} of ${nodes.length}`,
    }),
    ...(read.namespaces && { namespaces: read.namespaces }),
    ...(quotas.length > 0 && { quotas }),
    ...(read.usageFrom && { usage_from: read.usageFrom }),
    services: targets.map(({ service, namespace, kind, name, pods, labels, annotations }) => ({
      service,
      target: `${namespace}/${kind}${name === undefined ? "" : `/${name}`}`,
      pods: pods.slice(0, shownPods),
      ...(pods.length > shownPods && { pods_total: pods.length }),
      ...wordsRow("labels", labels),
      ...wordsRow("annotations", annotations),
    })),
    ...(events.length > 0 && {
      warnings: events.map(({ namespace, object, reason, count, lastMs, untrusted }) => ({
        object: cleanName(`${namespace}/${object}`, 200),
        reason,
        count,
        ago_s: ageSeconds(lastMs, nowMs),
        untrusted: { source: "event of the cluster", text: untrusted },
      })),
    }),
    ...(unreadable.length > 0 && { unreadable: unreadable.map(unreadableRow) }),
  };
}

const wordsRow = (what: string, words: Readonly<Record<string, string>>): object =>
  Object.keys(words).length === 0
    ? {}
    : {
        [what]: {
          untrusted: {
            source: `${what} of the object`,
            text: Object.entries(words)
              .map(([key, value]) => `${key}: ${value}`)
              .join("\n"),
          },
        },
      };

/** Names of the contexts that services of the workspace name; `current` for the one that they do not. */
export const clusterNames = (workspace: Workspace): string[] =>
  [...contextsOf(workspace, namesOf(workspace)).keys()].map((context) => context ?? current);

const current = "current";
const namesOf = (workspace: Workspace): string[] => workspace.services.map(({ name }) => name);

/** The resource `portwright://clusters/{name}`. @throws ConnectivityError `target_not_found` */
export async function readCluster(
  { metadata, access }: MetadataDependencies,
  workspace: Workspace,
  name: string,
  nowMs: number,
): Promise<Answer> {
  const contexts = contextsOf(workspace, namesOf(workspace));
  const context = name === current && !contexts.has(current) ? undefined : name;
  const targets = contexts.get(context);
  if (targets === undefined)
    throw new ConnectivityError("target_not_found", `no service leads to a cluster by context ${cleanName(name, 100)}`);
  const signal = AbortSignal.timeout(readWithinMs);
  const read = await (await metadata()).read(context, targets, { access: access(workspace.path), signal });
  const row = metadataRow(read, nowMs);
  const made = read.provider === undefined ? "" : ` (${read.provider.name})`;
  const summary =
    read.version === undefined
      ? `The cluster of context ${String(row["context"])} cannot be read.`
      : `Context ${String(row["context"])}: Kubernetes ${read.version}${made}, ${read.nodes?.length ?? "an unknown number of"} nodes.`;
  return { summary, ...row };
}
