import type { Clock } from "#application/ports/clock.ts";
import type { FactSource } from "#application/ports/fact-source.ts";
import type { ClusterMetadataSource } from "#application/ports/cluster-metadata.ts";
import type { ClusterPins } from "#application/ports/cluster-pins.ts";
import type { ForwardDriver } from "#application/ports/forward-driver.ts";
import type { TargetSource } from "#application/ports/target-source.ts";
import { Clusters } from "./clusters.ts";
import { KubernetesSource } from "./discovery/kubernetes-source.ts";
import { KubernetesFacts } from "./facts/kubernetes-facts.ts";
import { KubernetesDriver } from "./kubernetes-driver.ts";
import { createMemoryPins } from "./memory-pins.ts";
import { KubernetesMetadata } from "./metadata/cluster-metadata.ts";
import { PinnedClusters } from "./pinned-clusters.ts";

export interface KubernetesAdapter {
  readonly driver: ForwardDriver;
  /** What diagnosis asks a cluster; shares credentials and connections with the driver. */
  readonly facts: FactSource;
  /** What can be connected in the clusters of the kubeconfig. */
  readonly targets: TargetSource;
  /** Versions, nodes, quotas, usage. */
  readonly metadata: ClusterMetadataSource;
}

export interface KubernetesOptions {
  /** Where a pod's account is mounted; for tests. */
  readonly accountFolder?: string;
  /** Which cluster each context led to; default: forgotten with the process. */
  readonly pins?: ClusterPins;
}

/** The Kubernetes adapter. Nothing is read or connected before the first use; `driver.close()` releases both. */
export function createKubernetes(
  clock: Clock,
  { accountFolder, pins = createMemoryPins() }: KubernetesOptions = {},
): KubernetesAdapter {
  const clusters = new Clusters(clock, accountFolder);
  return {
    driver: new KubernetesDriver(clusters, new PinnedClusters(pins, clock)),
    facts: new KubernetesFacts(clusters),
    targets: new KubernetesSource(clusters),
    metadata: new KubernetesMetadata(clusters),
  };
}

/** The forward driver alone. */
export const createKubernetesDriver = (clock: Clock): ForwardDriver => createKubernetes(clock).driver;
