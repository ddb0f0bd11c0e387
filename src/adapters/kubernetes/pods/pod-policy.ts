import type { Balance } from "#domain/routing/pick-target.ts";
import type { Candidate } from "../target/target-state.ts";
import type { Target } from "../target/target.ts";

export interface PodLimits {
  /** Pods that are warm without being used, where several take connections: when one dies the next is there. */
  readonly floor: number;
  /** Pods that are warm at most; each has its own tunnels. */
  readonly most: number;
  /** Without a new connection for this long a pod beyond the floor becomes cold. */
  readonly idleMs: number;
}

export const podLimits: PodLimits = { floor: 2, most: 16, idleMs: 300_000 };

/**
 * How connections spread when the configuration does not say: a Service, a Deployment, a ReplicaSet, a DaemonSet and pods
 * by their labels are alike, so over all that are ready. The pods of a StatefulSet and of a Job are not: one at a time.
 */
export const defaultBalance = ({ kind, ordinal }: Target): Balance =>
  kind === "statefulset" || kind === "job" || ordinal !== undefined ? "single" : "least_connections";

/**
 * Whether to leave a pod that still takes connections: for a ready one when it is not, and for one of a newer version,
 * since a rollout deletes the old pod the moment the new one is ready.
 */
export const isBetter = (other: Candidate, current: Candidate): boolean =>
  other.ready && (!current.ready || (other.owner !== current.owner && other.createdMs > current.createdMs));
