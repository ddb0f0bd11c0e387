import type { Failure, Facts } from "#domain/connectivity-error.ts";
import { matchesLabels } from "#domain/kubernetes/label-selector.ts";
import { podsFailure } from "#domain/kubernetes/pod-condition.ts";
import { isLeaving, isReady, isRunning, runtimeOf, type Pod } from "#domain/kubernetes/pod.ts";
import { outsideAddresses, podsInSlices, type EndpointSlice, type SlicedPod } from "./endpoint-slice.ts";
import { podNameOf, targetFacts, targetWords, type Target } from "./target.ts";
import type { TargetObject } from "./target-kinds.ts";
import { missingContainerPort, podPort, wantedPort, type WantedPort } from "./target-ports.ts";

/** A pod that takes connections now, and the port of it that is meant. */
export interface Candidate {
  readonly pod: string;
  readonly uid: string;
  readonly port: number;
  readonly ready: boolean;
  /** What made the pod (a ReplicaSet of one version of a Deployment), and when it was made. */
  readonly owner: string;
  readonly createdMs: number;
  /** See `ForwardTarget.endCuts`. */
  readonly endCuts: boolean;
}

/** Where connections to a target can go: the best first, or why nowhere. */
export type TargetState =
  | { readonly candidates: readonly [Candidate, ...Candidate[]]; readonly failure?: undefined }
  | { readonly candidates: readonly []; readonly failure: Failure };

/** What the cluster says about a target. */
export interface TargetView {
  /** The Service or workload; absent for pods. */
  readonly object?: TargetObject | undefined;
  /** The pods that the object or the labels select. */
  readonly pods: readonly Pod[];
  /** Of a Service, where they may be read: then they say which pods take its connections. */
  readonly slices?: readonly EndpointSlice[];
}

const cutting = new Set(["containerd", "docker"]);

/**
 * Finds the pods and the port behind a target. Of a Service those that its EndpointSlices call ready (which follow its
 * `publishNotReadyAddresses`); without slices, and of a workload, ready pods; a pod that is named itself only has to run,
 * as with kubectl. A pod that is going away never counts.
 */
export function targetState(target: Target, { object, pods, slices = [] }: TargetView): TargetState {
  const facts = targetFacts(target);
  const wanted = wantedPort(target, object, facts);
  if ("code" in wanted) return none(wanted);
  const meant = pods.filter((pod) => isMeant(target, pod));
  if (slices.length > 0)
    return stateOfSlices(target, meant, podsInSlices(slices, wanted.sliceName ?? ""), wanted, slices);
  if (meant.length === 0) return none(noPods(target, object, facts));
  const lenient = podNameOf(target) !== undefined || object?.spec?.publishNotReadyAddresses === true;
  const usable = meant.filter((pod) => isReady(pod) || (lenient && isRunning(pod)));
  if (usable.length === 0) return none(notReady(meant, facts));
  const candidates = usable.flatMap((pod) => candidateOf(pod, podPort(pod, wanted)) ?? []);
  return inOrder(candidates) ?? none(missingContainerPort(usable, wanted, facts));
}

function stateOfSlices(
  target: Target,
  pods: readonly Pod[],
  sliced: readonly SlicedPod[],
  wanted: WantedPort,
  slices: readonly EndpointSlice[],
): TargetState {
  const facts = targetFacts(target);
  const known = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  // A pod that is narrowed away by labels is not known here, one that is just made is not known yet.
  const meant = sliced.filter(({ name }) => target.selector === undefined || known.has(name));
  if (meant.length === 0) {
    const outside = outsideAddresses(slices);
    if (outside.length > 0 && pods.length === 0) return none(outsidePods(target, outside, facts));
    return none(pods.length === 0 ? noPods(target, undefined, facts) : notReady(pods, facts));
  }
  const able = meant.filter(({ name, uid, ready }) => ready && !leaves(known.get(name), uid));
  if (able.length === 0) return none(notReady(pods, facts));
  const candidates = able.flatMap(({ name, uid, port }) => {
    const pod = known.get(name);
    const own = pod && podPort(pod, wanted);
    // A slice has its port from the pod already; for a headless Service the number may be meant as it is.
    if (pod !== undefined) return candidateOf(pod, wanted.headless === undefined ? (port ?? own) : own, true) ?? [];
    return port === undefined ? [] : [unknownPod(name, uid, port)];
  });
  return inOrder(candidates) ?? none(missingContainerPort(pods, wanted, facts));
}

const none = (failure: Failure): TargetState => ({ candidates: [], failure });
/** A StatefulSet's next pod has the name of the last: what a slice says of that one says nothing of this. */
const leaves = (pod: Pod | undefined, uid: string | undefined): boolean =>
  pod !== undefined && (isLeaving(pod) || (uid !== undefined && pod.metadata.uid !== uid));

/** Ready before merely running, then the newest: during a rollout it is the one that stays. */
function inOrder(candidates: readonly Candidate[]): TargetState | undefined {
  const [first, ...rest] = candidates.toSorted(
    (a, b) => Number(b.ready) - Number(a.ready) || b.createdMs - a.createdMs || a.pod.localeCompare(b.pod),
  );
  return first && { candidates: [first, ...rest] };
}

function candidateOf(pod: Pod, port: number | undefined, ready = isReady(pod)): Candidate | undefined {
  const { name, uid = name, ownerReferences, creationTimestamp = "" } = pod.metadata;
  return port === undefined
    ? undefined
    : {
        pod: name,
        uid,
        port,
        ready,
        owner: ownerReferences?.[0]?.name ?? "",
        createdMs: Date.parse(creationTimestamp) || 0,
        endCuts: cutting.has(runtimeOf(pod) ?? ""),
      };
}

/** A slice names it before the watch of the pods does, or the pods may not be listed. */
const unknownPod = (pod: string, uid: string | undefined, port: number): Candidate => ({
  pod,
  uid: uid ?? pod,
  port,
  ready: true,
  owner: "",
  createdMs: 0,
  endCuts: true,
});

/** Whether a pod of the named object is one that the configuration narrows it to. */
export function isMeant(target: Target, { metadata }: Pod): boolean {
  const name = podNameOf(target);
  if (name !== undefined && metadata.name !== name) return false;
  return target.selector === undefined || matchesLabels(target.selector.requirements, metadata.labels);
}

function notReady(pods: readonly Pod[], facts: Facts): Failure {
  const failure = podsFailure(pods);
  return { code: "pod_not_ready", message: "no pod is ready", ...failure, facts: { ...facts, ...failure?.facts } };
}

const outsidePods = (target: Target, addresses: readonly string[], facts: Facts): Failure => ({
  code: "service_without_selector",
  message: `${targetWords(target)} leads to addresses that are no pods, and only pods can be forwarded to`,
  facts: { ...facts, addresses: addresses.slice(0, 10) },
});

function noPods(target: Target, object: TargetObject | undefined, facts: Facts): Failure {
  const { kind, name, ordinal } = target;
  const words = targetWords(target);
  const replicas = object?.spec?.replicas;
  if (kind !== "service" && replicas === 0) {
    return { code: "scaled_to_zero", message: `${kind} ${name} is scaled to zero`, facts };
  }
  if (ordinal !== undefined && object !== undefined) {
    const first = object.spec?.ordinals?.start ?? 0;
    const last = first + (replicas ?? 1) - 1;
    if (ordinal < first || ordinal > last) {
      const message = `${kind} ${name} has no pod ${ordinal}: its ordinals are ${first} to ${last}`;
      return { code: "no_matching_pods", message, facts: { ...facts, first_ordinal: first, last_ordinal: last } };
    }
  }
  const message = name === undefined ? `there are no ${words}` : `${words} has no pods`;
  return { code: "no_matching_pods", message: ordinal === undefined ? message : `${words} is not there`, facts };
}
