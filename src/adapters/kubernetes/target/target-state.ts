import type { Failure, Facts } from "#domain/connectivity-error.ts";
import { nearestName } from "#domain/names.ts";
import { podsFailure } from "#domain/kubernetes/pod-condition.ts";
import { isReady, isRunning, runtimeOf, type Pod } from "#domain/kubernetes/pod.ts";
import { matchesLabels } from "#domain/kubernetes/label-selector.ts";
import { podNameOf, targetFacts, targetWords, type Target } from "./target.ts";
import type { ServicePort, TargetObject } from "./target-kinds.ts";

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

const cutting = new Set(["containerd", "docker"]);

/** Where connections to a target can go: the best first, or why nowhere. */
export type TargetState =
  | { readonly candidates: readonly [Candidate, ...Candidate[]]; readonly failure?: undefined }
  | { readonly candidates: readonly []; readonly failure: Failure };

/**
 * Finds the pods and the port behind a target. Of a Service and of a workload only ready pods count (of a Service that
 * publishes unready addresses, running ones too); a pod that is named itself only has to run, as with kubectl.
 * @param object the Service or workload; absent for pods
 * @param known the pods that the object selects
 */
export function targetState(target: Target, object: TargetObject | undefined, known: readonly Pod[]): TargetState {
  const facts = targetFacts(target);
  const pods = known.filter((pod) => isMeant(target, pod));
  const none = (failure: Failure): TargetState => ({ candidates: [], failure });
  const wanted =
    target.kind === "service" && object !== undefined ? servicePort(target, object, facts) : target.remotePort;
  if (typeof wanted === "object") return none(wanted);
  if (pods.length === 0) return none(noPods(target, object, facts));
  const lenient = podNameOf(target) !== undefined || object?.spec?.publishNotReadyAddresses === true;
  const usable = pods.filter((pod) => isReady(pod) || (lenient && isRunning(pod))).toSorted(byPreference);
  if (usable.length === 0) {
    const failure = podsFailure(pods);
    return none({
      code: "pod_not_ready",
      message: "no pod is ready",
      ...failure,
      facts: { ...facts, ...failure?.facts },
    });
  }
  const candidates: Candidate[] = [];
  for (const pod of usable) {
    const port = containerPort(pod, wanted);
    if (port === undefined) continue;
    candidates.push({
      pod: pod.metadata.name,
      uid: pod.metadata.uid ?? pod.metadata.name,
      port,
      ready: isReady(pod),
      owner: pod.metadata.ownerReferences?.[0]?.name ?? "",
      createdMs: Date.parse(pod.metadata.creationTimestamp ?? "") || 0,
      endCuts: cutting.has(runtimeOf(pod) ?? ""),
    });
  }
  const [first, ...rest] = candidates;
  return first === undefined ? none(missingContainerPort(usable, wanted, facts)) : { candidates: [first, ...rest] };
}

/** Whether a pod of the named object is one that the configuration narrows it to. */
function isMeant(target: Target, { metadata }: Pod): boolean {
  const name = podNameOf(target);
  if (name !== undefined && metadata.name !== name) return false;
  return target.selector === undefined || matchesLabels(target.selector.requirements, metadata.labels);
}

/** Ready before merely running, then the newest: during a rollout it is the one that stays. */
function byPreference(a: Pod, b: Pod): number {
  const ready = Number(isReady(b)) - Number(isReady(a));
  if (ready !== 0) return ready;
  const age = Date.parse(b.metadata.creationTimestamp ?? "") - Date.parse(a.metadata.creationTimestamp ?? "");
  return Number.isNaN(age) || age === 0 ? a.metadata.name.localeCompare(b.metadata.name) : age;
}

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

/** Service port (number or name) → target port; a headless service has no translation, as with kubectl. */
function servicePort(target: Target, object: TargetObject, facts: Facts): number | string | Failure {
  const ports = object.spec?.ports ?? [];
  const found = ports.find(({ port, name }) => port === Number(target.remotePort) || name === target.remotePort);
  if (found === undefined) return missingServicePort(target, ports, facts);
  if (found.protocol !== undefined && found.protocol !== "TCP") {
    const message = `port ${found.port} of service ${target.name} is not TCP, and only TCP can be forwarded`;
    return { code: "not_supported", message, facts: { ...facts, port: found.port, protocol: found.protocol } };
  }
  return object.spec?.clusterIP === "None" ? found.port : (found.targetPort ?? found.port);
}

function missingServicePort(target: Target, ports: readonly ServicePort[], facts: Facts): Failure {
  const names = ports.map(({ port, name }) => (name === undefined ? String(port) : `${name}:${port}`));
  const nearest = nearestName(
    String(target.remotePort),
    ports.flatMap(({ port, name }) => [name ?? "", String(port)]),
  );
  return {
    code: "target_port_missing",
    message: `service ${target.name} has no port ${target.remotePort}`,
    facts: {
      ...facts,
      port: target.remotePort,
      ports: names,
      ...(nearest !== undefined && nearest !== "" && { nearest }),
    },
  };
}

const containersOf = (pod: Pod) => [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];

function containerPort(pod: Pod, wanted: number | string): number | undefined {
  const number = Number(wanted);
  if (Number.isInteger(number) && number >= 1 && number <= 65_535) return number;
  for (const { ports } of containersOf(pod)) {
    const found = ports?.find(({ name }) => name === wanted);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}

function missingContainerPort(pods: readonly Pod[], wanted: number | string, facts: Facts): Failure {
  const ports = new Set<string>();
  for (const pod of pods) {
    for (const container of containersOf(pod)) {
      for (const { name, containerPort: number } of container.ports ?? [])
        ports.add(name === undefined ? String(number) : `${name}:${number}`);
    }
  }
  return {
    code: "target_port_missing",
    message: `no container of pod ${pods[0]?.metadata.name ?? ""} has a port named ${wanted}`,
    facts: { ...facts, port: wanted, ports: [...ports].slice(0, 20) },
  };
}
