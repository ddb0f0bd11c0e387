/**
 * The parts of Kubernetes objects (core/v1 and apps/v1, as JSON) that decide where a connection can go. Everything an API
 * server may leave out is optional.
 */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
}

interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly ports?: readonly ContainerPort[];
  /** `Always` on an init container makes it a sidecar. */
  readonly restartPolicy?: string;
}

interface ContainerTermination {
  readonly exitCode?: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: ContainerTermination;
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly started?: boolean;
  readonly restartCount?: number;
  readonly image?: string;
  /** `containerd://…`: the runtime, then an id. */
  readonly containerID?: string;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

export interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface Pod {
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly readinessGates?: readonly { readonly conditionType: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly podIP?: string;
    readonly conditions?: readonly PodCondition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

const conditionOf = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((condition) => condition.type === type);

/** Whether the cluster says that the pod is going away or has ended: no new connection belongs there. */
export const isLeaving = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";

/** Ready as a Service sees it: the `Ready` condition holds and the pod is not going away. */
export const isReady = (pod: Pod): boolean => !isLeaving(pod) && conditionOf(pod, "Ready")?.status === "True";

/** Running with at least one container that runs: it can be connected to, ready or not. */
export const isRunning = (pod: Pod): boolean =>
  !isLeaving(pod) &&
  pod.status?.phase === "Running" &&
  (pod.status.containerStatuses ?? []).some((status) => status.state?.running !== undefined);

/** The container runtime that runs the pod: `containerd`, `cri-o`, `docker`; `undefined` before its first container runs. */
export function runtimeOf(pod: Pod): string | undefined {
  const id = pod.status?.containerStatuses?.find(({ containerID }) => containerID !== undefined)?.containerID;
  return id?.split("://")[0];
}

export { conditionOf };
