import type { Clock } from "#application/ports/clock.ts";
import type { FactSource } from "#application/ports/fact-source.ts";
import type { ForwardDriver } from "#application/ports/forward-driver.ts";
import { Clusters } from "./clusters.ts";
import { KubernetesFacts } from "./facts/kubernetes-facts.ts";
import { KubernetesDriver } from "./kubernetes-driver.ts";

export interface KubernetesAdapter {
  readonly driver: ForwardDriver;
  /** What diagnosis asks a cluster; shares credentials and connections with the driver. */
  readonly facts: FactSource;
}

/** The Kubernetes adapter. Nothing is read or connected before the first use; `driver.close()` releases both. */
export function createKubernetes(clock: Clock): KubernetesAdapter {
  const clusters = new Clusters(clock);
  return { driver: new KubernetesDriver(clusters), facts: new KubernetesFacts(clusters) };
}

/** The forward driver alone. */
export const createKubernetesDriver = (clock: Clock): ForwardDriver => createKubernetes(clock).driver;
