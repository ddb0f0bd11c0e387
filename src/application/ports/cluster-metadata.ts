import type { Unreadable } from "#domain/discovery/target.ts";
import type { Access } from "./access.ts";

/** What a service leads to, whose pods are of interest. */
export interface OfInterest {
  readonly service: string;
  readonly namespace: string;
  /** As `resource_type` of a service. */
  readonly kind: string;
  readonly name: string | undefined;
}

/** CPU in cores (`250m`), memory in bytes (`128Mi`), as text; absent where nothing is set or known. */
export interface Resources {
  readonly cpu?: string;
  readonly memory?: string;
}

export interface PodMetadata {
  readonly pod: string;
  readonly node?: string;
  readonly ready: boolean;
  readonly restarts: number;
  /** From the outermost owner down: `deployment/web`, `replicaset/web-7c9d`. */
  readonly owners: readonly string[];
  /** Services that select it. */
  readonly services: readonly string[];
  readonly requests: Resources;
  readonly limits: Resources;
  readonly usage?: Resources;
}

export interface TargetMetadata extends OfInterest {
  readonly pods: readonly PodMetadata[];
  /** People's own labels and annotations of the object (text from outside). */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface NodeMetadata {
  readonly node: string;
  readonly ready: boolean;
  readonly version: string;
  readonly allocatable: Resources;
  readonly pressure?: readonly string[];
}

export interface EventMetadata {
  readonly namespace: string;
  readonly object: string;
  readonly reason: string;
  readonly count: number;
  readonly lastMs: number;
  readonly untrusted: string;
}

export interface ClusterMetadata {
  readonly context: string;
  /** Whether its certificate is checked. */
  readonly tlsVerified: boolean;
  readonly version?: string;
  readonly provider?: { readonly name: string; readonly by: string };
  readonly nodes?: readonly NodeMetadata[];
  readonly namespaces?: readonly string[];
  /** Used and hard, per quota, of the namespaces of interest. */
  readonly quotas: readonly {
    readonly namespace: string;
    readonly quota: string;
    readonly used: Readonly<Record<string, string>>;
  }[];
  /** Warnings of the namespaces of interest, newest first. */
  readonly events: readonly EventMetadata[];
  readonly targets: readonly TargetMetadata[];
  /** Where usage comes from. */
  readonly usageFrom?: "metrics.k8s.io" | "kubelet summary";
  readonly unreadable: readonly Unreadable[];
}

/** Reads what is known about a cluster. Never throws but the signal's reason: what it cannot read it tells. */
export interface ClusterMetadataSource {
  read(
    context: string | undefined,
    targets: readonly OfInterest[],
    looking: { readonly access: Access; readonly signal: AbortSignal },
  ): Promise<ClusterMetadata>;
}
