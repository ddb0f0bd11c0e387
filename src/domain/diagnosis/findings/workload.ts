import type { Failure } from "../../connectivity-error.ts";
import { timeOf, type DetailedPod } from "../../kubernetes/detail.ts";
import { dataOf, factsEvidence, known, plainWord, type Change, type Evidence, type Fact } from "../fact.ts";
import { changeEvidence, referenceChanges, rolloutChanges } from "./changes.ts";
import { explainContainer } from "./container.ts";
import { finding, type Finding, type Seen, type Witness } from "./finding.ts";
import { explainNoPods } from "./no-pods.ts";
import { explainScheduling } from "./scheduling.ts";
import { mostTroubled, readyByCluster } from "./troubled-pod.ts";

/** Found by the pods that a target selects, or by there being none. */
const aboutPods: ReadonlySet<Failure["code"]> = new Set([
  "no_matching_pods",
  "scaled_to_zero",
  "pod_unschedulable",
  "image_pull_failed",
  "container_config_error",
  "init_container_failing",
  "container_crashing",
  "container_oom_killed",
  "pod_not_ready",
  "pod_gone",
]);

/** Reasons of events that speak for each; a cluster warns of much else. */
const relevantEvents: Readonly<Partial<Record<Failure["code"], readonly string[]>>> = {
  pod_unschedulable: ["FailedScheduling"],
  image_pull_failed: ["Failed", "BackOff", "InspectFailed", "ErrImageNeverPull"],
  container_config_error: ["Failed", "FailedMount", "FailedAttachVolume"],
  init_container_failing: ["BackOff", "Failed"],
  container_crashing: ["Unhealthy", "BackOff", "Failed"],
  container_oom_killed: ["BackOff", "OOMKilling"],
  pod_not_ready: ["Unhealthy", "FailedMount"],
};

/** A rollout or a changed config map this long before the trouble may be its reason. */
const suspectMs = 30 * 60_000;

/** What is wrong with the pods of the target, if anything is. */
export function workloadFinding(seen: Seen): Finding | undefined {
  const { facts, symptom } = seen;
  const pods = dataOf(facts, "pods")?.pods;
  const noPods =
    symptom.code === "no_matching_pods" ||
    symptom.code === "scaled_to_zero" ||
    (pods?.length === 0 && !isAbsent(symptom.code));
  if (noPods) {
    const base: Failure = aboutPods.has(symptom.code)
      ? symptom
      : { code: "no_matching_pods", message: "the target has no pods", ...context(facts) };
    const { failure, evidence } = explainNoPods(base, facts);
    const witnesses: Witness[] = [
      ...(aboutPods.has(symptom.code) ? (["walk"] as const) : []),
      ...(pods ? (["status"] as const) : []),
    ];
    return finding(failure, [...factsEvidence(failure.facts, "API server"), ...evidence], witnesses);
  }
  if (pods === undefined) {
    return aboutPods.has(symptom.code)
      ? finding(symptom, factsEvidence(symptom.facts, "API server"), ["walk"])
      : undefined;
  }
  return podsFinding(seen, pods);
}

/** What is not there has no pods either: its absence says more. */
const isAbsent = (code: Failure["code"]): boolean => code === "resource_missing" || code === "namespace_missing";

/** A scheduler that is there looks at a new pod within this time. */
const schedulingMs = 4000;

/** Still pending, and no scheduler has said a word about it. */
const isUnseen = ({ metadata, spec, status }: DetailedPod, nowMs: number): boolean =>
  status?.phase === "Pending" &&
  spec?.nodeName === undefined &&
  status.conditions?.some(({ type }) => type === "PodScheduled") !== true &&
  nowMs - timeOf(metadata.creationTimestamp) > schedulingMs;

/** The same for pods that another service names. */
export function podsFinding(seen: Seen, pods: readonly DetailedPod[]): Finding | undefined {
  const { facts, symptom, nowMs } = seen;
  const troubled = mostTroubled(pods, nowMs);
  if (troubled?.failure === undefined) return undefined;
  const { pod } = troubled;
  // One of several may be ill while others serve: only the one that answered, or all, can be why.
  const others = pods.some((one) => one !== pod && readyByCluster(one));
  if (others && !aboutPods.has(symptom.code) && seen.pod !== pod.metadata.name) return undefined;
  const code =
    troubled.failure.code === "pod_not_ready" && isUnseen(pod, nowMs) ? "pod_unschedulable" : troubled.failure.code;
  const raw: Failure = {
    ...troubled.failure,
    code,
    facts: { ...symptom.facts, ...troubled.failure.facts, ...context(facts).facts },
  };
  const { failure, events } =
    raw.code === "pod_unschedulable"
      ? { failure: explainScheduling(raw, pod, facts), events: [] }
      : explainContainer(raw, pod, facts);
  const node = dataOf(facts, "nodes")?.nodes.find(({ name }) => name === pod.spec?.nodeName);
  const lost = failure.code === "pod_not_ready" && node?.ready === false ? node.name : undefined;
  const told = events.filter(({ reason }) => relevantEvents[failure.code]?.includes(reason) === true);
  const workload = workloadOf(facts, pod);
  const changes = changesBefore(facts, pod, nowMs);
  const log = dataOf(facts, "log");
  const isLog = log !== undefined && log.pod === pod.metadata.name && log.untrusted.trim() !== "";
  const text = wordsOf(failure, isLog ? log : undefined);
  const evidence: Evidence[] = [
    ...statusEvidence(failure, pod),
    ...told.slice(0, 1).map(eventEvidence),
    ...changeEvidence(changes),
  ];
  const witnesses: Witness[] = [
    "status",
    ...(aboutPods.has(symptom.code) ? (["walk"] as const) : []),
    ...(told.length > 0 ? (["event"] as const) : []),
    ...(isLog ? (["log"] as const) : []),
    ...(changes.length > 0 ? (["change"] as const) : []),
  ];
  const full: Failure = {
    code: failure.code,
    message:
      lost === undefined
        ? failure.message
        : `node ${plainWord(lost)}, where pod ${pod.metadata.name} runs, is not ready`,
    facts: {
      ...(lost !== undefined && { node: plainWord(lost), node_ready: false }),
      ...failure.facts,
      ...(workload !== undefined && { workload }),
      ...(changes.length > 0 && revertible(changes) && { rolled_out: true }),
    },
    ...(text !== undefined && { untrusted: text }),
  };
  return finding(full, evidence, witnesses, changes);
}

const context = (facts: readonly Fact[]): { facts: Record<string, string> } => {
  const kubeconfig = dataOf(facts, "kubeconfig");
  const namespace = dataOf(facts, "namespace")?.namespace;
  return {
    facts: { ...(kubeconfig && { context: kubeconfig.context }), ...(namespace !== undefined && { namespace }) },
  };
};

/** The pod's maker by the name that people know: a replica set's deployment. */
function workloadOf(facts: readonly Fact[], pod: DetailedPod): string | undefined {
  const [owner] = pod.metadata.ownerReferences ?? [];
  if (owner === undefined) return `pod/${pod.metadata.name}`;
  const revisions = dataOf(facts, "revisions");
  if (revisions?.revisions.some(({ name }) => name === owner.name)) return plainWord(revisions.owner);
  const deployment = owner.kind === "ReplicaSet" ? /^(.+)-[a-z0-9]{5,10}$/.exec(owner.name)?.[1] : undefined;
  return plainWord(deployment === undefined ? `${owner.kind.toLowerCase()}/${owner.name}` : `deployment/${deployment}`);
}

function changesBefore(facts: readonly Fact[], pod: DetailedPod, nowMs: number): Change[] {
  const revisions = dataOf(facts, "revisions");
  const references = dataOf(facts, "references")?.references ?? [];
  const isNewest = revisions?.revisions[0]?.name === pod.metadata.ownerReferences?.[0]?.name;
  const rolled = revisions && isNewest ? rolloutChanges(revisions.revisions, revisions.owner) : [];
  const podMs = timeOf(pod.metadata.creationTimestamp);
  // What was made together with the pods is no change.
  const firstMs = revisions?.revisions.at(-1)?.createdMs ?? podMs;
  const edited = referenceChanges(references, Math.max(firstMs + 5000, nowMs - suspectMs));
  return [...rolled, ...edited].toSorted((left, right) => right.atMs - left.atMs).slice(0, 4);
}

const revertible = (changes: readonly Change[]): boolean =>
  changes.some(({ what }) => !what.startsWith("configmap ") && !what.startsWith("secret "));

/** The cluster's own words about the failure, and the container's last ones. */
function wordsOf({ untrusted }: Failure, log: { readonly untrusted: string } | undefined): string | undefined {
  const lines = log?.untrusted
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-shownLines)
    .map((line) => line.slice(0, shownWidth));
  const parts = [untrusted?.slice(0, 400), lines?.join("\n")].filter((part) => part !== undefined && part !== "");
  return parts.length > 0 ? parts.join("\n") : undefined;
}
const shownLines = 5;
const shownWidth = 200;

function statusEvidence({ facts = {} }: Failure, pod: DetailedPod): Evidence[] {
  const source = `pod ${pod.metadata.name}`;
  const status =
    pod.status?.containerStatuses?.find(({ name }) => name === facts["container"]) ??
    pod.status?.initContainerStatuses?.find(({ name }) => name === facts["container"]);
  const ended = status?.state?.terminated ?? status?.lastState?.terminated;
  const restarts = status?.restartCount ?? 0;
  const shown = new Set([
    "pod",
    "container",
    "exit_code",
    "restarts",
    "reason",
    "context",
    "namespace",
    "service",
    "status",
    "workload",
    "limit",
  ]);
  return [
    ...(ended
      ? [
          {
            fact: "last termination",
            value: `${plainWord(ended.reason ?? "ended")}, exit ${ended.exitCode ?? "?"}, ${restarts} restart${restarts === 1 ? "" : "s"}`,
            source,
            ...(timeOf(ended.finishedAt) > 0 && { atMs: timeOf(ended.finishedAt) }),
          },
        ]
      : []),
    ...(status?.state?.waiting?.reason === undefined
      ? []
      : [{ fact: "waits with", value: plainWord(status.state.waiting.reason), source }]),
    ...factsEvidence(Object.fromEntries(Object.entries(facts).filter(([name]) => !shown.has(name))), source),
  ];
}

const eventEvidence = ({ reason, count, lastMs }: { reason: string; count: number; lastMs: number }): Evidence => ({
  fact: "event",
  value: `${reason}${count > 1 ? ` ×${count}` : ""}`,
  source: "events",
  ...(lastMs > 0 && { atMs: lastMs }),
});

/** What the cluster itself says for the target's health while something else fails: evidence, not a cause. */
export function clusterView(facts: readonly Fact[]): Evidence[] {
  const pods = known(facts, "pods");
  if (pods === undefined || pods.data.pods.length === 0) return [];
  const ready = pods.data.pods.filter(readyByCluster).length;
  const policies = dataOf(facts, "policies")?.policies ?? [];
  return [
    {
      fact: "pods ready by the cluster's own checks",
      value: `${ready} of ${pods.data.pods.length}`,
      source: "API server",
    },
    ...(policies.length > 0
      ? [
          {
            fact: "network policies on them",
            value: policies.slice(0, 5).map(plainWord).join(", "),
            source: "API server",
          },
        ]
      : []),
  ];
}
