import type { Failure } from "../../connectivity-error.ts";
import { dataOf, factsEvidence, plainWord, type Evidence, type Fact } from "../fact.ts";
import { finding, type Finding, type Seen } from "./finding.ts";
import { clusterView } from "./workload.ts";

/** A port that is asked for, against those that are declared; an object that is asked for, against where one is. */
export function targetFinding({ facts, symptom }: Seen): Finding | undefined {
  if (symptom.code === "target_port_closed") return closedPort(symptom, facts);
  if (symptom.code === "resource_missing" || symptom.code === "namespace_missing") return missing(symptom, facts);
  if (symptom.code === "permission_denied") {
    const evidence = facts.flatMap((fact): Evidence[] =>
      fact.kind === "permission" && fact.truth !== "not_checked"
        ? [{ fact: `may ${fact.data.verb} ${fact.data.resource}`, value: fact.truth, source: fact.source }]
        : [],
    );
    return finding(
      symptom,
      [...evidence, ...factsEvidence(symptom.facts, "API server")],
      evidence.length > 0 ? ["walk", "status"] : ["walk"],
    );
  }
  return undefined;
}

function closedPort(symptom: Failure, facts: readonly Fact[]): Finding {
  const port = Number(symptom.facts?.["port"]);
  const containers = dataOf(facts, "pods")?.pods.flatMap(({ spec }) => spec?.containers ?? []) ?? [];
  const declared = [
    ...new Set(containers.flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort))),
  ];
  const probed = [
    ...new Set(
      containers.flatMap(({ readinessProbe, livenessProbe }) =>
        [readinessProbe, livenessProbe].flatMap(
          (probe) => Number(probe?.httpGet?.port ?? probe?.tcpSocket?.port) || [],
        ),
      ),
    ),
  ];
  const object = dataOf(facts, "object");
  const through = object?.ports?.find(({ targetPort, port: own }) => Number(targetPort ?? own) === port);
  const open = [...new Set([...declared, ...probed])].filter((one) => one !== port);
  const hint =
    !declared.includes(port) && open.length > 0 ? `; its containers declare port ${open.slice(0, 4).join(", ")}` : "";
  const via = through && object?.kind === "service" ? ` (port ${through.port} of service ${object.name})` : "";
  const failure: Failure = {
    ...symptom,
    message: `${symptom.message}${via}${hint}`,
    facts: { ...symptom.facts, ...(declared.length > 0 && { declared_ports: declared.slice(0, 8).map(String) }) },
  };
  return finding(
    failure,
    [...factsEvidence(failure.facts, "forward"), ...clusterView(facts)],
    declared.length > 0 ? ["walk", "status"] : ["walk"],
  );
}

function missing(symptom: Failure, facts: readonly Fact[]): Finding {
  const object = dataOf(facts, "object");
  const namespace = dataOf(facts, "namespace");
  const elsewhere = object?.elsewhere?.map(plainWord).slice(0, 3) ?? [];
  const kinds = object?.kinds?.slice(0, 3) ?? [];
  const hints = [
    ...(elsewhere.length > 0 ? [`namespace ${elsewhere.join(", ")} has one`] : []),
    ...(kinds.length > 0 ? [`there is a ${kinds.join(" and a ")} of that name`] : []),
    ...(namespace?.phase === "Terminating" ? ["its namespace is being deleted"] : []),
  ];
  const failure: Failure = {
    ...symptom,
    message: hints.length > 0 ? `${symptom.message}; ${hints.join("; ")}` : symptom.message,
    facts: {
      ...symptom.facts,
      ...(elsewhere.length > 0 && { in_namespaces: elsewhere }),
      ...(kinds.length > 0 && { other_kinds: kinds }),
    },
  };
  const seen = object !== undefined || namespace !== undefined;
  return finding(failure, factsEvidence(failure.facts, "API server"), seen ? ["walk", "status"] : ["walk"]);
}
