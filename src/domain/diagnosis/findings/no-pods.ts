import type { Failure } from "../../connectivity-error.ts";
import type { Workload } from "../../kubernetes/detail.ts";
import { dataOf, plainWord, type Evidence, type Fact, type FactKinds, type QuotaLine } from "../fact.ts";
import { quantity } from "../../kubernetes/detail.ts";
import { nearestMiss } from "./nearest-miss.ts";
import { nodeShortage } from "./scheduling.ts";

/** Why a target has no pods at all: asked for none, not allowed to be made, or a selector that fits none. */
export function explainNoPods(failure: Failure, facts: readonly Fact[]): { failure: Failure; evidence: Evidence[] } {
  const object = dataOf(facts, "object");
  const workloads = dataOf(facts, "workloads")?.workloads ?? [];
  const selector = object?.selector;
  const makers = makersOf(workloads, object, selector);
  const blocked = makers.map((maker) => creationProblem(maker, facts)).find((one) => one !== undefined);
  if (blocked !== undefined) {
    return {
      failure: {
        ...failure,
        code: "no_matching_pods",
        ...blocked.failure,
        facts: { ...failure.facts, ...blocked.failure.facts },
      },
      evidence: blocked.evidence,
    };
  }
  const resting = makers.map((maker) => restingFailure(maker, facts)).find((one) => one !== undefined);
  if (resting !== undefined) {
    const { code, message, facts: more } = resting;
    return {
      failure: {
        code,
        message,
        facts: { ...failure.facts, ...more },
        ...(resting.untrusted !== undefined && { untrusted: resting.untrusted }),
      },
      evidence: [],
    };
  }
  const zero = makers.find(({ spec }) => spec?.replicas === 0);
  if (zero !== undefined && failure.code !== "scaled_to_zero") {
    const kind = zero.kind.toLowerCase();
    const workload = `${kind}/${zero.metadata.name}`;
    return {
      failure: {
        code: "scaled_to_zero",
        message: `${kind} ${zero.metadata.name} is scaled to zero`,
        facts: { ...failure.facts, workload, replicas: 0 },
      },
      evidence: [{ fact: "replicas", value: "0", source: workload }],
    };
  }
  if (failure.code === "scaled_to_zero") {
    const kind = ["deployment", "statefulset", "replicaset"].find((one) => failure.facts?.[one] !== undefined);
    const workload = kind === undefined ? undefined : `${kind}/${String(failure.facts?.[kind])}`;
    return {
      failure: workload === undefined ? failure : { ...failure, facts: { ...failure.facts, workload } },
      evidence: [],
    };
  }
  // A workload's selector fits its own pods: only a service, or a selector that a person wrote, can miss.
  const mayMiss = selector !== undefined && (object?.kind === "service" || object?.kind === "selector");
  const miss = mayMiss ? nearestMiss(selector, dataOf(facts, "labels")?.owners ?? [], workloads) : undefined;
  if (miss === undefined) return { failure, evidence: [] };
  const different = miss.differs.map(({ key, wanted, found }) => `${key}: ${wanted} is asked, ${found} is there`);
  return {
    failure: {
      ...failure,
      message: `${failure.message}: its selector differs from the labels of ${miss.owner} in ${different.join("; ")}`,
      facts: { ...failure.facts, nearest: miss.owner, difference: different },
    },
    evidence: [],
  };
}

/** Workloads whose pods the target selects, or that are the target. */
function makersOf(
  workloads: readonly Workload[],
  object: FactKinds["object"] | undefined,
  selector: Readonly<Record<string, string>> | undefined,
): Workload[] {
  if (object === undefined || selector === undefined || Object.keys(selector).length === 0) return [];
  const fitting = workloads.filter(({ spec }) => {
    const labels = spec?.template?.metadata?.labels ?? {};
    return Object.entries(selector).every(([key, value]) => labels[key] === value);
  });
  // A replica set of an old version is at zero by intent; the newest one, or one without an owner, says why none is made.
  return fitting.filter(
    ({ kind, spec, metadata }) =>
      kind !== "ReplicaSet" || (spec?.replicas ?? 0) > 0 || metadata.ownerReferences === undefined,
  );
}

/** A workload that makes no pods, and is not wrong: a job that is held back or over, a daemon set that fits no node. */
function restingFailure({ kind, metadata, spec, status }: Workload, facts: readonly Fact[]): Failure | undefined {
  const name = plainWord(metadata.name);
  const workload = `${kind.toLowerCase()}/${name}`;
  if (kind === "Job") {
    if (spec?.suspend === true)
      return { code: "scaled_to_zero", message: `job ${name} is suspended`, facts: { workload, suspend: true } };
    const ended = status?.conditions?.find(
      ({ type, status: is }) => (type === "Failed" || type === "Complete") && is === "True",
    );
    if (ended === undefined) return undefined;
    const reason = /^[A-Za-z]{1,64}$/.test(ended.reason ?? "") ? (ended.reason ?? "") : "";
    const how = ended.type === "Complete" ? "has done its work" : `has failed${reason === "" ? "" : ` (${reason})`}`;
    return {
      code: "pod_gone",
      message: `job ${name} ${how}, and has no pod any more`,
      facts: { workload, ...(reason !== "" && { reason }) },
      ...(ended.message !== undefined && { untrusted: ended.message.slice(0, 1024) }),
    };
  }
  if (kind !== "DaemonSet" || status?.desiredNumberScheduled !== 0) return undefined;
  const shortage = nodeShortage({ metadata, ...(spec?.template?.spec && { spec: spec.template.spec }) }, facts);
  return {
    code: "pod_unschedulable",
    message: `daemonset ${name} fits no node${shortage.words === "" ? "" : `: ${shortage.words}`}`,
    facts: { workload, ...shortage.facts },
  };
}

function creationProblem(
  maker: Workload,
  facts: readonly Fact[],
): { failure: Pick<Failure, "message" | "facts" | "untrusted">; evidence: Evidence[] } | undefined {
  const condition = maker.status?.conditions?.find(
    ({ type, status }) => type === "ReplicaFailure" && status === "True",
  );
  const name = `${maker.kind.toLowerCase()}/${plainWord(maker.metadata.name)}`;
  const events = dataOf(facts, "events")?.events ?? [];
  const event = events.find(
    ({ reason, object }) => reason === "FailedCreate" && object === `${maker.kind}/${maker.metadata.name}`,
  );
  if (condition === undefined && event === undefined) return undefined;
  const text = condition?.message ?? event?.untrusted ?? "";
  const said = text === "" ? {} : { untrusted: text.slice(0, 1024) };
  const full = (dataOf(facts, "quotas")?.quotas ?? []).filter(
    (line) => isFull(line) || text.includes(`exceeded quota: ${line.quota}`),
  );
  if (full.length > 0) {
    const [line] = full as [QuotaLine, ...QuotaLine[]];
    const numbers = `${plainWord(line.resource)}: ${plainWord(line.used)} of ${plainWord(line.hard)} used`;
    return {
      failure: {
        message: `${name} may make no pod: quota ${plainWord(line.quota)} is exceeded (${numbers})`,
        facts: { workload: name, quota: plainWord(line.quota), quota_used: numbers, reason: "FailedCreate" },
        ...said,
      },
      evidence: full.slice(0, 2).map(({ quota, resource, used, hard }) => ({
        fact: `quota ${plainWord(resource)}`,
        value: `${plainWord(used)} of ${plainWord(hard)}`,
        source: `quota ${plainWord(quota)}`,
      })),
    };
  }
  const missing = missingFor(maker, text, dataOf(facts, "quotas")?.quotas ?? []);
  return {
    failure: {
      message: `${name} cannot make its pods${missing?.words ?? admissionWords(text)}`,
      facts: { workload: name, reason: "FailedCreate", ...missing?.facts },
      ...said,
    },
    evidence: [],
  };
}

/** What the pods name that is not there, or do not say and must: known by the workload itself, where the refusal is about it. */
function missingFor(
  { spec }: Workload,
  text: string,
  quotas: readonly QuotaLine[],
): { words: string; facts: Failure["facts"] } | undefined {
  const { priorityClassName, runtimeClassName, containers = [] } = spec?.template?.spec ?? {};
  const classes = [
    ["priority class", priorityClassName],
    ["runtime class", runtimeClassName],
  ] as const;
  for (const [what, name] of classes) {
    if (name === undefined || !text.includes(name)) continue;
    const missing = `${what.replace(" ", "")}/${plainWord(name)}`;
    return { words: `: ${what} ${plainWord(name)} does not exist`, facts: { missing } };
  }
  if (!/must specify/i.test(text)) return undefined;
  for (const { quota, resource } of quotas) {
    const [, part = "requests", amount = ""] =
      /^(?:(requests|limits)\.)?(cpu|memory|ephemeral-storage)$/.exec(resource) ?? [];
    const silent = containers.find(
      (one) => one.resources?.[part === "limits" ? "limits" : "requests"]?.[amount] === undefined,
    );
    if (amount === "" || silent === undefined) continue;
    const must = `${part}.${amount}`;
    return {
      words: `: quota ${plainWord(quota)} wants each container to say ${must}, and ${plainWord(silent.name)} does not`,
      facts: { quota: plainWord(quota), must_specify: must },
    };
  }
  return undefined;
}

function admissionWords(text: string): string {
  if (/serviceaccount .* not found/i.test(text)) return ": their service account does not exist";
  if (/violates PodSecurity/i.test(text)) return ": the namespace's pod security forbids them";
  if (/exceeded quota|must specify/i.test(text)) return ": a quota of the namespace forbids them";
  if (/(?:maximum|minimum) .* usage per/i.test(text)) return ": a limit range of the namespace forbids them";
  return /admission webhook/i.test(text) ? ": an admission webhook refuses them" : "";
}

const isFull = ({ hard, used }: QuotaLine): boolean => {
  const [most, now] = [quantity(hard), quantity(used)];
  return most !== undefined && now !== undefined && now >= most;
};
