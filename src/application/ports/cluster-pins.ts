import type { ClusterPin } from "#domain/kubernetes/cluster-pin.ts";

/** Which cluster a context led to when it was used first, by the folder of the configuration that uses it. Survives the daemon. */
export interface ClusterPins {
  get(folder: string, context: string): ClusterPin | undefined;
  set(folder: string, context: string, pin: ClusterPin): void;
  /** The next use pins anew, in every folder. Returns how many pins went. */
  forget(context: string): number;
}
