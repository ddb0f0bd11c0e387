import type { Failure, Facts } from "#domain/connectivity-error.ts";
import { nearestName } from "#domain/names.ts";
import { podsFailure } from "#domain/kubernetes/pod-condition.ts";
import { isReady, isRunning, runtimeOf, type Pod } from "#domain/kubernetes/pod.ts";
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

export interface Target {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly remotePort: number | string;
}

/**
 * Finds the pods and the port behind a target. Of a Service and of a workload only ready pods count (of a Service that
 * publishes unready addresses, running ones too); a pod that is named itself only has to run, as with kubectl.
 * @param object the Service or workload; absent for a pod
 */
export function targetState(target: Target, object: TargetObject | undefined, pods: readonly Pod[]): TargetState {
  const facts = { namespace: target.namespace, [target.kind]: target.name };
  const none = (failure: Failure): TargetState => ({ candidates: [], failure });
  const wanted =
    target.kind === "service" && object !== undefined ? servicePort(target, object, facts) : target.remotePort;
  if (typeof wanted === "object") return none(wanted);
  if (pods.length === 0) return none(noPods(target, object, facts));
  const lenient = target.kind === "pod" || object?.spec?.publishNotReadyAddresses === true;
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

/** Ready before merely running, then the newest: during a rollout it is the one that stays. */
function byPreference(a: Pod, b: Pod): number {
  const ready = Number(isReady(b)) - Number(isReady(a));
  if (ready !== 0) return ready;
  const age = Date.parse(b.metadata.creationTimestamp ?? "") - Date.parse(a.metadata.creationTimestamp ?? "");
  return Number.isNaN(age) || age === 0 ? a.metadata.name.localeCompare(b.metadata.name) : age;
}

function noPods(target: Target, object: TargetObject | undefined, facts: Facts): Failure {
  const { kind, name } = target;
  if (kind !== "service" && object?.spec?.replicas === 0) {
    return { code: "scaled_to_zero", message: `${kind} ${name} is scaled to zero`, facts };
  }
  return { code: "no_matching_pods", message: `${kind} ${name} has no pods`, facts };
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
