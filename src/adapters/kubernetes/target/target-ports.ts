import type { Failure, Facts } from "#domain/connectivity-error.ts";
import type { Pod } from "#domain/kubernetes/pod.ts";
import { nearestName } from "#domain/names.ts";
import type { Target } from "./target.ts";
import type { ServicePort, TargetObject } from "./target-kinds.ts";

/** What is asked of each pod: the number or the name of a port, and of a Service the name that its slices know it by. */
export interface WantedPort {
  readonly port: number | string;
  readonly sliceName?: string;
  /** A headless Service's own number: where a pod declares it, it is meant, since clients use the pod's address as it is. */
  readonly headless?: number;
}

/** Service port (number or name) → target port; of anything else the port as it is declared. */
export function wantedPort(target: Target, object: TargetObject | undefined, facts: Facts): WantedPort | Failure {
  if (target.kind !== "service" || object === undefined) return { port: target.remotePort };
  const ports = object.spec?.ports ?? [];
  const found = ports.find(({ port, name }) => port === Number(target.remotePort) || name === target.remotePort);
  if (found === undefined) return missingServicePort(target, ports, facts);
  if (found.protocol !== undefined && found.protocol !== "TCP") {
    const message = `port ${found.port} of service ${target.name} is not TCP, and only TCP can be forwarded`;
    return { code: "not_supported", message, facts: { ...facts, port: found.port, protocol: found.protocol } };
  }
  return {
    port: found.targetPort ?? found.port,
    sliceName: found.name ?? "",
    ...(object.spec?.clusterIP === "None" && { headless: found.port }),
  };
}

const containersOf = (pod: Pod) => [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];

/** The port of a pod that is wanted; `undefined` when no container has one of that name. */
export function podPort(pod: Pod, { port, headless }: WantedPort): number | undefined {
  const declared = containersOf(pod).flatMap(({ ports }) => ports ?? []);
  if (headless !== undefined && declared.some(({ containerPort }) => containerPort === headless)) return headless;
  const number = Number(port);
  if (Number.isInteger(number) && number >= 1 && number <= 65_535) return number;
  return declared.find(({ name }) => name === port)?.containerPort;
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

/** None of the pods has the port. */
export function missingContainerPort(pods: readonly Pod[], { port }: WantedPort, facts: Facts): Failure {
  const ports = new Set<string>();
  for (const container of pods.flatMap(containersOf)) {
    for (const { name, containerPort } of container.ports ?? [])
      ports.add(name === undefined ? String(containerPort) : `${name}:${containerPort}`);
  }
  return {
    code: "target_port_missing",
    message: `no container of pod ${pods[0]?.metadata.name ?? ""} has a port named ${port}`,
    facts: { ...facts, port, ports: [...ports].slice(0, 20) },
  };
}
