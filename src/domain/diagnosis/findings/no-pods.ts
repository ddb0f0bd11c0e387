import type { Failure } from "../../connectivity-error.ts";
import type { Workload } from "../../kubernetes/detail.ts";
import { editDistance } from "../../names.ts";
import { dataOf, plainWord, type Evidence, type Fact, type FactKinds, type QuotaLine } from "../fact.ts";
import { quantity } from "../../kubernetes/detail.ts";

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
  const miss = selector && nearestMiss(selector, dataOf(facts, "labels")?.owners ?? [], workloads);
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
  return {
    failure: {
      message: `${name} cannot make its pods${admissionWords(text)}`,
      facts: { workload: name, reason: "FailedCreate" },
      ...said,
    },
    evidence: [],
  };
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

interface Miss {
  readonly owner: string;
  readonly differs: readonly { readonly key: string; readonly wanted: string; readonly found: string }[];
}

/** What comes nearest to a selector: most labels as asked, then the nearest spelling. */
function nearestMiss(
  selector: Readonly<Record<string, string>>,
  pods: FactKinds["labels"]["owners"],
  workloads: readonly Workload[],
): Miss | undefined {
  const owners = [
    ...pods.map(({ name, labels }) => ({ owner: `pod ${name}`, labels })),
    ...workloads.map(({ kind, metadata, spec }) => ({
      owner: `${kind.toLowerCase()} ${metadata.name}`,
      labels: spec?.template?.metadata?.labels ?? {},
    })),
  ];
  let best: (Miss & { readonly cost: number }) | undefined;
  for (const { owner, labels } of owners) {
    const differs = Object.entries(selector)
      .filter(([key, value]) => labels[key] !== value)
      .map(([key, wanted]) => ({
        key: plainWord(key),
        wanted: plainWord(wanted),
        found: plainWord(labels[key] ?? "nothing"),
      }));
    if (differs.length === 0) continue;
    const cost = differs.reduce((sum, { wanted, found }) => sum + spelling(wanted, found), 0);
    if (cost < 1.5 && (best === undefined || cost < best.cost)) best = { owner, differs, cost };
  }
  return best;
}

/** 0 for equal words, under 1 for alike ones, 1 for others. */
function spelling(wanted: string, found: string): number {
  const longest = Math.max(wanted.length, found.length, 1);
  return Math.min(1, editDistance(wanted.slice(0, 63), found.slice(0, 63), Math.ceil(longest / 2)) / longest);
}
