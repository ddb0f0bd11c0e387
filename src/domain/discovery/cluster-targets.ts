import { isReady, type Container, type ObjectMeta, type Pod } from "../kubernetes/pod.ts";
import { matchesLabels, requirementsOf, type LabelSelector, type Requirement } from "../kubernetes/label-selector.ts";
import { handleText, isCheckedName, isPortName, type KubernetesKind } from "./handle.ts";
import { guessProtocol } from "./protocols.ts";
import type { FoundTarget } from "./target.ts";

/** A Service as far as it says what can be connected. */
export interface ClusterService {
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
  };
}

/** A workload of any kind. */
export interface ClusterWorkload {
  readonly kind: Exclude<KubernetesKind, "service" | "pod">;
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly selector?: LabelSelector;
    readonly template?: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec?: { readonly containers?: readonly Container[] };
    };
  };
}

export interface ClusterObjects {
  readonly context: string;
  readonly current: boolean;
  readonly services: readonly ClusterService[];
  readonly workloads: readonly ClusterWorkload[];
  readonly pods: readonly Pod[];
}

interface Thing {
  readonly kind: KubernetesKind;
  readonly metadata: ObjectMeta;
  readonly ports: readonly { readonly name?: string | undefined; readonly port: number }[];
  readonly pods: readonly Pod[];
  readonly images: readonly string[];
  readonly behind: string | undefined;
}

/**
 * What can be connected in a cluster: each TCP port of each service, workload and pod. Names that are no names of
 * Kubernetes are passed over; images and labels serve to be found by, and are never shown.
 */
export function clusterTargets(objects: ClusterObjects): FoundTarget[] {
  const { context } = objects;
  const podsIn = groupBy(objects.pods, ({ metadata }) => metadata.namespace ?? "");
  const services = objects.services.map((service): Thing => {
    const { selector = {}, ports = [] } = service.spec ?? {};
    const pods = selected(podsIn, service.metadata, { matchLabels: selector });
    return {
      kind: "service",
      metadata: service.metadata,
      ports: ports.filter(isTcp),
      pods,
      images: imagesOf(pods.flatMap((pod) => pod.spec?.containers ?? [])),
      behind: undefined,
    };
  });
  const selectors = objects.services.map(({ metadata, spec }) => ({ metadata, requirements: need(spec?.selector) }));
  const serviceOf = (namespace: string | undefined, labels: ObjectMeta["labels"]): string | undefined => {
    const found = selectors.find(
      ({ metadata, requirements }) =>
        requirements.length > 0 && metadata.namespace === namespace && matchesLabels(requirements, labels),
    );
    return found && objectText(context, "service", found.metadata);
  };
  const workloads = objects.workloads.map(({ kind, metadata, spec }): Thing => {
    const containers = spec?.template?.spec?.containers ?? [];
    return {
      kind,
      metadata,
      ports: portsOf(containers),
      pods: selected(podsIn, metadata, spec?.selector ?? {}),
      images: imagesOf(containers),
      behind: serviceOf(metadata.namespace, spec?.template?.metadata?.labels),
    };
  });
  const owners = new Map<Pod, string>();
  for (const { kind, metadata, pods } of workloads)
    for (const pod of pods) owners.set(pod, objectText(context, kind, metadata));
  const pods = objects.pods.map((pod): Thing => {
    const containers = pod.spec?.containers ?? [];
    return {
      kind: "pod",
      metadata: pod.metadata,
      ports: portsOf(containers),
      pods: [pod],
      images: imagesOf(containers),
      behind: serviceOf(pod.metadata.namespace, pod.metadata.labels) ?? owners.get(pod),
    };
  });
  return [...services, ...workloads, ...pods].flatMap((thing) => targetsOf(thing, objects));
}

function targetsOf(thing: Thing, { context, current }: ClusterObjects): FoundTarget[] {
  const { kind, metadata, pods, images, behind } = thing;
  const { name, namespace } = metadata;
  if (!isCheckedName(name) || !isCheckedName(namespace)) return [];
  const readyPods = pods.filter(isReady).length;
  const labels = Object.values(metadata.labels ?? {});
  // A pod or workload that names no port can be connected all the same: its port is asked for.
  const ports = thing.ports.length > 0 ? thing.ports : kind === "service" ? [] : [undefined];
  return ports.map((place) => {
    const portName = isPortName(place?.name) ? place.name : undefined;
    return {
      kind: "kubernetes",
      target: handleText({
        kind: "kubernetes",
        context,
        namespace,
        resourceType: kind,
        resourceName: name,
        port: place?.port,
      }),
      object: objectText(context, kind, metadata),
      name,
      places: [context, namespace],
      port: place?.port,
      portName,
      protocol: guessProtocol({ port: place?.port, portName, words: [name, ...images] })?.name,
      resource: kind,
      ready: readyPods > 0,
      pods: `${readyPods} of ${pods.length}`,
      current,
      behind,
      hints: [...images, ...labels],
    };
  });
}

const objectText = (context: string, kind: KubernetesKind, { namespace = "", name }: ObjectMeta): string =>
  handleText({ kind: "kubernetes", context, namespace, resourceType: kind, resourceName: name, port: undefined });

const need = (labels: Readonly<Record<string, string>> = {}): readonly Requirement[] =>
  requirementsOf({ matchLabels: labels });

function selected(
  podsIn: ReadonlyMap<string, readonly Pod[]>,
  { namespace = "" }: ObjectMeta,
  selector: LabelSelector,
): readonly Pod[] {
  const requirements = requirementsOf(selector);
  if (requirements.length === 0) return [];
  return (podsIn.get(namespace) ?? []).filter((pod) => matchesLabels(requirements, pod.metadata.labels));
}

const isTcp = ({ protocol }: { readonly protocol?: string }): boolean => protocol === undefined || protocol === "TCP";

const portsOf = (containers: readonly Container[]): Thing["ports"] =>
  containers.flatMap(({ ports = [] }) =>
    ports.filter(isTcp).map(({ name, containerPort }) => ({ name, port: containerPort })),
  );

const imagesOf = (containers: readonly Container[]): string[] => [
  ...new Set(containers.flatMap(({ image }) => (image === undefined ? [] : [image.slice(0, 200)]))),
];

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
