import type { ObjectMeta } from "#domain/kubernetes/pod.ts";
import { requirementsOf, type LabelSelector, type Requirement } from "#domain/kubernetes/label-selector.ts";

/** What stands before the pods: where its objects are, and how people call one. */
export interface TargetKind {
  readonly group: string;
  readonly resource: string;
}

/** Kinds that select pods. A pod itself has none of this. */
export const targetKinds: Readonly<Record<string, TargetKind>> = {
  service: { group: "/api/v1", resource: "services" },
  deployment: { group: "/apis/apps/v1", resource: "deployments" },
  statefulset: { group: "/apis/apps/v1", resource: "statefulsets" },
  replicaset: { group: "/apis/apps/v1", resource: "replicasets" },
  daemonset: { group: "/apis/apps/v1", resource: "daemonsets" },
  job: { group: "/apis/batch/v1", resource: "jobs" },
};

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
}

/** A Service or a workload, as far as it leads to pods. */
export interface TargetObject {
  readonly metadata: ObjectMeta;
  readonly spec?: {
    /** A Service has a plain map of labels, a workload a `LabelSelector`. */
    readonly selector?: Readonly<Record<string, string>> | LabelSelector;
    readonly type?: string;
    readonly clusterIP?: string;
    readonly ports?: readonly ServicePort[];
    readonly publishNotReadyAddresses?: boolean;
    readonly replicas?: number;
    /** Of a StatefulSet. */
    readonly ordinals?: { readonly start?: number };
    readonly template?: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } };
  };
}

/** Keeps what is looked at. */
export const pruneTarget = ({ metadata, spec }: TargetObject): TargetObject => ({
  metadata: { name: metadata.name, ...(metadata.uid !== undefined && { uid: metadata.uid }) },
  ...(spec !== undefined && {
    spec: {
      ...(spec.selector !== undefined && { selector: spec.selector }),
      ...(spec.type !== undefined && { type: spec.type }),
      ...(spec.clusterIP !== undefined && { clusterIP: spec.clusterIP }),
      ...(spec.ports !== undefined && { ports: spec.ports }),
      ...(spec.publishNotReadyAddresses !== undefined && { publishNotReadyAddresses: spec.publishNotReadyAddresses }),
      ...(spec.replicas !== undefined && { replicas: spec.replicas }),
      ...(spec.ordinals !== undefined && { ordinals: spec.ordinals }),
    },
  }),
});

/** What the pods behind an object must satisfy; `undefined` when it selects none by itself. */
export function podRequirements(kind: string, object: TargetObject): readonly Requirement[] | undefined {
  const selector = object.spec?.selector;
  if (selector === undefined) return undefined;
  const labels = kind === "service" ? { matchLabels: selector as Readonly<Record<string, string>> } : selector;
  const requirements = requirementsOf(labels);
  return requirements.length === 0 ? undefined : requirements;
}
