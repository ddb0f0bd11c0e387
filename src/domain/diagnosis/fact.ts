import type { Facts } from "../connectivity-error.ts";
import type { Rung } from "../error-catalogue.ts";
import type { ClusterEvent, DetailedPod, KnownNode, Revision, Workload } from "../kubernetes/detail.ts";

/** What can be asked, and what is known when it was: one kind a question. Text from outside is in `untrusted` fields only. */
export interface FactKinds {
  /** Is the local port free, or ours? */
  readonly local_port: { readonly port: number; readonly pid?: number; readonly program?: string };
  /** Has this machine an address beyond loopback? */
  readonly interfaces: { readonly count: number };
  /** Does a name resolve? */
  readonly name: {
    readonly host: string;
    readonly addresses: readonly string[];
    readonly errno?: string;
    /** A name that is known on this machine and looks alike. */
    readonly nearest?: string;
  };
  /** Does a TCP connection come about? */
  readonly tcp: { readonly host: string; readonly port: number; readonly errno?: string };
  /** Does a TLS handshake come about, by a certificate that is trusted? */
  readonly tls: {
    readonly host: string;
    readonly port: number;
    readonly reason?: string;
    readonly notBeforeMs?: number;
    readonly notAfterMs?: number;
    readonly selfSigned?: boolean;
  };
  /** Does the SSH server say who it is? */
  readonly identification: { readonly host: string; readonly port: number; readonly said: "ssh" | "other" | "nothing" };
  /** Does the way lead through a proxy? Then name, TCP and TLS are the proxy's. */
  readonly proxy: { readonly host: string; readonly port: number; readonly namedBy: string };
  readonly kubeconfig: {
    readonly context: string;
    readonly server: string;
    readonly user: string;
    readonly plugin?: string;
  };
  /** Can credentials be made, and does the API server take them? */
  readonly authentication: { readonly user: string; readonly code?: string; readonly hangs?: boolean };
  readonly permission: { readonly verb: string; readonly resource: string; readonly namespace: string };
  readonly namespace: { readonly namespace: string; readonly phase?: string };
  /** Is the object there? `elsewhere`: namespaces that have one of this name; `kinds`: other kinds that have. */
  readonly object: {
    readonly kind: string;
    readonly name: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly {
      readonly name?: string;
      readonly port: number;
      readonly targetPort?: number | string;
    }[];
    readonly elsewhere?: readonly string[];
    readonly kinds?: readonly string[];
  };
  /** Are pods selected? */
  readonly pods: { readonly pods: readonly DetailedPod[] };
  /** Labels of what is in the namespace, asked for when no pod is selected. */
  readonly labels: {
    readonly owners: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
  };
  readonly workloads: { readonly workloads: readonly Workload[] };
  readonly revisions: { readonly owner: string; readonly revisions: readonly Revision[] };
  readonly events: { readonly events: readonly ClusterEvent[] };
  /** Are the config maps, secrets and claims there that the pods refer to? */
  readonly references: { readonly references: readonly PodReference[] };
  readonly quotas: { readonly quotas: readonly QuotaLine[] };
  readonly nodes: { readonly nodes: readonly KnownNode[] };
  /** Network policies that select the pods. They do not hold for a forward, but for what the pods call. */
  readonly policies: { readonly policies: readonly string[] };
  readonly log: {
    readonly pod: string;
    readonly container: string;
    readonly previous: boolean;
    readonly lines: number;
    readonly untrusted: string;
  };
  /** Do the services of the cluster that the pods call have ready pods? */
  readonly upstreams: { readonly upstreams: readonly Upstream[] };
  /** Does the same target answer on another way? */
  readonly beside: { readonly target: string; readonly how: string };
  /** Are other services over the same way well? */
  readonly neighbours: { readonly way: string; readonly ready: readonly string[]; readonly unwell: readonly string[] };
  /** What the running link knows. */
  readonly link: { readonly state: string; readonly code?: string; readonly sinceMs?: number };
  /** Was it ready before? */
  readonly last_ready: { readonly atMs: number; readonly by?: string };
  readonly changes: { readonly changes: readonly Change[] };
}

/** A config map, secret or claim that a pod refers to. */
export interface PodReference {
  readonly kind: "configmap" | "secret" | "persistentvolumeclaim" | "serviceaccount" | "storageclass";
  readonly name: string;
  readonly exists: boolean;
  /** Keys of it that the pod wants. */
  readonly keys?: readonly string[];
  readonly changedMs?: number;
  /** Of a claim: `Pending`, `Bound`. */
  readonly phase?: string;
  readonly storageClass?: string;
}

export interface QuotaLine {
  readonly quota: string;
  readonly resource: string;
  readonly hard: string;
  readonly used: string;
}

/** A service of the cluster that a pod's settings name. */
export interface Upstream {
  readonly service: string;
  readonly namespace: string;
  /** The variable or argument that names it. */
  readonly named: string;
  readonly exists: boolean;
  readonly selector?: Readonly<Record<string, string>>;
  readonly pods: readonly DetailedPod[];
  /** Asked for when it has no pods. */
  readonly workloads?: readonly Workload[];
}

/** Something that was different before: what, and when it came to be. */
export interface Change {
  readonly atMs: number;
  readonly what: string;
  readonly source: string;
}

export type FactKind = keyof FactKinds;

interface FactHead<K extends FactKind> {
  readonly kind: K;
  readonly rung: Rung;
  /** Who said it: `kubeconfig`, `API server`, `pod web-1`. */
  readonly source: string;
  readonly atMs: number;
  readonly ms?: number;
}

/** One question with its answer: yes, no, or not checked and why. */
export type FactOf<K extends FactKind> = FactHead<K> &
  (
    | { readonly truth: "yes" | "no"; readonly data: FactKinds[K] }
    | { readonly truth: "not_checked"; readonly why: string }
  );

export type Fact = { [K in FactKind]: FactOf<K> }[FactKind];

type CheckedFact<K extends FactKind> = Extract<FactOf<K>, { truth: "yes" | "no" }>;

/** The newest checked answer to a question; `undefined` when it was not asked, or could not be. */
export function known<K extends FactKind>(facts: readonly Fact[], kind: K): CheckedFact<K> | undefined {
  return facts.findLast((fact): fact is Fact & CheckedFact<K> => fact.kind === kind && fact.truth !== "not_checked");
}

/** Its data alone. */
export const dataOf = <K extends FactKind>(facts: readonly Fact[], kind: K): FactKinds[K] | undefined =>
  known(facts, kind)?.data;

/** What a finding rests on, as it is shown: small and in our words. */
export interface Evidence {
  readonly fact: string;
  readonly value: string;
  readonly source: string;
  readonly atMs?: number;
}

/** Names and numbers of servers that may stand among our words: anything unusual is left out. */
export const plainWord = (text: string): string => (/^[\w.:/@+=,-]{1,200}$/.test(text) ? text : "(not shown)");

/** A failure's facts as evidence. */
export const factsEvidence = (facts: Facts | undefined, source: string): Evidence[] =>
  Object.entries(facts ?? {}).map(([fact, value]) => ({
    fact: fact.replaceAll("_", " "),
    value: typeof value === "object" ? value.join(", ") : String(value),
    source,
  }));
