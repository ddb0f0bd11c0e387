import type { Container, ObjectMeta, Pod } from "./pod.ts";

/** A pod and its template with what explains trouble: probes, limits, and what they refer to. core/v1, as JSON. */
export interface Probe {
  readonly httpGet?: { readonly path?: string; readonly port: number | string };
  readonly tcpSocket?: { readonly port: number | string };
  readonly grpc?: { readonly port: number };
  readonly exec?: { readonly command?: readonly string[] };
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}

interface KeyReference {
  readonly name?: string;
  readonly key?: string;
  readonly optional?: boolean;
}

export interface EnvVariable {
  readonly name: string;
  /** Never shown: it may be a secret. Only names of services are looked for in it. */
  readonly value?: string;
  readonly valueFrom?: { readonly configMapKeyRef?: KeyReference; readonly secretKeyRef?: KeyReference };
}

export interface DetailedContainer extends Container {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVariable[];
  readonly envFrom?: readonly { readonly configMapRef?: KeyReference; readonly secretRef?: KeyReference }[];
  readonly resources?: {
    readonly limits?: Readonly<Record<string, string>>;
    readonly requests?: Readonly<Record<string, string>>;
  };
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly startupProbe?: Probe;
}

/** A key of a config map or secret as a file. */
interface VolumeItem {
  readonly key?: string;
}

export interface Volume {
  readonly name: string;
  readonly configMap?: {
    readonly name?: string;
    readonly optional?: boolean;
    readonly items?: readonly VolumeItem[];
  };
  readonly secret?: {
    readonly secretName?: string;
    readonly optional?: boolean;
    readonly items?: readonly VolumeItem[];
  };
  readonly projected?: {
    readonly sources?: readonly {
      readonly configMap?: Volume["configMap"];
      readonly secret?: { readonly name?: string; readonly optional?: boolean; readonly items?: readonly VolumeItem[] };
    }[];
  };
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly hostPath?: { readonly path?: string; readonly type?: string };
  readonly nfs?: { readonly server?: string; readonly path?: string };
  readonly csi?: { readonly driver?: string };
}

/** Labels of nodes that a pod wants: `key`, `In` and the like, and values. */
export interface NodeRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface DetailedPodSpec {
  readonly nodeName?: string;
  readonly containers?: readonly DetailedContainer[];
  readonly initContainers?: readonly DetailedContainer[];
  readonly readinessGates?: readonly { readonly conditionType: string }[];
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly {
    readonly key?: string;
    readonly operator?: string;
    readonly value?: string;
    readonly effect?: string;
  }[];
  readonly volumes?: readonly Volume[];
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly serviceAccountName?: string;
  readonly schedulerName?: string;
  readonly schedulingGates?: readonly { readonly name: string }[];
  readonly priorityClassName?: string;
  readonly runtimeClassName?: string;
  readonly affinity?: {
    readonly nodeAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: {
        readonly nodeSelectorTerms?: readonly { readonly matchExpressions?: readonly NodeRequirement[] }[];
      };
    };
  };
}

export interface DetailedPod extends Pod {
  readonly spec?: DetailedPodSpec;
}

interface WorkloadCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  /** Text from outside. */
  readonly message?: string;
}

/** A Deployment, StatefulSet, DaemonSet, ReplicaSet or Job, as far as it makes pods. */
export interface Workload {
  readonly kind: string;
  readonly metadata: ObjectMeta & { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly replicas?: number;
    readonly suspend?: boolean;
    readonly paused?: boolean;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec?: DetailedPodSpec;
    };
  };
  readonly status?: {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    /** Of a DaemonSet: how many nodes fit it. */
    readonly desiredNumberScheduled?: number;
    readonly conditions?: readonly WorkloadCondition[];
  };
}

/** One version of a workload's pods. */
export interface Revision {
  readonly name: string;
  readonly number: number;
  readonly createdMs: number;
  readonly spec: DetailedPodSpec;
}

/** An event about one object; `untrusted` is its text. */
export interface ClusterEvent {
  readonly type: "Warning" | "Normal";
  readonly reason: string;
  readonly object: string;
  readonly container?: string;
  readonly count: number;
  readonly lastMs: number;
  readonly untrusted: string;
}

export interface KnownNode {
  readonly name: string;
  readonly ready: boolean;
  readonly unschedulable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly allocatable: Readonly<Record<string, string>>;
}

/** Milliseconds since the epoch of a Kubernetes time; 0 when there is none. */
export const timeOf = (text: string | undefined): number => (text === undefined ? 0 : Date.parse(text) || 0);

const factors: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** A Kubernetes quantity (`100m`, `256Mi`, `2`) as a number; `undefined` when it is none. */
export function quantity(text: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/.exec(text ?? "");
  return match ? Number(match[1]) * (factors[match[2] ?? ""] ?? 1) : undefined;
}
