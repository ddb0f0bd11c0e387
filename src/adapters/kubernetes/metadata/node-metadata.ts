import { isCheckedName } from "#domain/discovery/handle.ts";
import type { ProviderMarks } from "#domain/kubernetes/provider.ts";
import { bytesText, coresText, parseQuantity } from "#domain/kubernetes/quantity.ts";
import type { ClusterMetadata, NodeMetadata } from "#application/ports/cluster-metadata.ts";

/** A node as far as it is looked at. */
export interface NodeObject {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly providerID?: string };
  readonly status?: {
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly nodeInfo?: { readonly kubeletVersion?: string };
  };
}

/** A ResourceQuota as far as it is looked at. */
export interface QuotaObject {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly status?: {
    readonly used?: Readonly<Record<string, string>>;
    readonly hard?: Readonly<Record<string, string>>;
  };
}

const pressures = new Set(["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"]);

/** One node: whether it is ready, what it can give, and what presses it. */
export function nodeMetadata({ metadata, status }: NodeObject): NodeMetadata {
  const conditions = status?.conditions ?? [];
  const version = status?.nodeInfo?.kubeletVersion ?? "";
  const cpu = parseQuantity(status?.allocatable?.["cpu"]);
  const memory = parseQuantity(status?.allocatable?.["memory"]);
  const pressure = conditions
    .filter(({ type, status: is }) => pressures.has(type) && is === "True")
    .map(({ type }) => type);
  return {
    node: metadata.name,
    ready: conditions.some(({ type, status: is }) => type === "Ready" && is === "True"),
    version: /^v?[\w.+-]{1,64}$/.test(version) ? version : "unknown",
    allocatable: {
      ...(cpu !== undefined && { cpu: coresText(cpu) }),
      ...(memory !== undefined && { memory: bytesText(memory) }),
    },
    ...(pressure.length > 0 && { pressure }),
  };
}

/** `requests.cpu: 300m of 2`; `undefined` for one whose name may not be shown. */
export function quotaRow({ metadata, status }: QuotaObject): ClusterMetadata["quotas"][number] | undefined {
  const { name, namespace } = metadata;
  if (!isCheckedName(name) || !isCheckedName(namespace)) return undefined;
  const used = Object.entries(status?.hard ?? {})
    .filter(([resource, hard]) => /^[\w./-]{1,100}$/.test(resource) && parseQuantity(hard) !== undefined)
    .map(([resource, hard]) => [
      resource,
      `${parseQuantity(status?.used?.[resource]) === undefined ? 0 : status?.used?.[resource]} of ${hard}`,
    ]);
  return { namespace, quota: name, used: Object.fromEntries(used) as Record<string, string> };
}

/** What a provider may be known by. */
export const providerMarks = (
  version: string,
  host: string,
  groups: readonly { readonly name?: string }[],
  nodes: readonly NodeObject[],
): ProviderMarks => ({
  version,
  host,
  groups: groups.flatMap(({ name }) => name ?? []),
  nodes: nodes.map(({ metadata, spec }) => ({
    name: metadata.name,
    labels: Object.keys(metadata.labels ?? {}),
    providerId: spec?.providerID ?? "",
  })),
});
