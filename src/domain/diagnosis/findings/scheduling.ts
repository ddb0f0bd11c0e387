import type { Failure, Facts } from "../../connectivity-error.ts";
import { quantity, type DetailedPod, type KnownNode, type NodeRequirement } from "../../kubernetes/detail.ts";
import { conditionOf } from "../../kubernetes/pod.ts";
import { dataOf, plainWord, type Fact, type PodReference } from "../fact.ts";

/**
 * Why no node takes a pod, in numbers: from the nodes and claims themselves where they may be read; the scheduler's own
 * words stay text from outside.
 */
export function explainScheduling(failure: Failure, pod: DetailedPod, facts: readonly Fact[]): Failure {
  const nodes = dataOf(facts, "nodes")?.nodes;
  const references = dataOf(facts, "references")?.references ?? [];
  const said = conditionOf(pod, "PodScheduled")?.message ?? failure.untrusted ?? "";
  const held = heldBack(pod);
  if (held !== undefined) return { ...failure, message: held.words, facts: { ...failure.facts, ...held.facts } };
  const reasons = [...claimReasons(references), ...(nodes ? nodeReasons(pod, nodes, said) : saidReasons(said))];
  const counted: Facts = nodes
    ? {
        nodes: nodes.length,
        nodes_ready: nodes.filter(({ ready }) => ready).length,
        ...Object.assign({}, ...reasons.map(({ facts: more }) => more)),
      }
    : Object.assign({}, ...reasons.map(({ facts: more }) => more));
  const why = reasons.map(({ words }) => words).join("; ");
  return {
    ...failure,
    message: `no node takes pod ${pod.metadata.name}${why === "" ? "" : `: ${why}`}`,
    facts: { ...failure.facts, ...counted },
  };
}

/** Why no node fits the pods that a workload would make, in numbers; empty when the nodes do not tell. */
export function nodeShortage(
  pod: DetailedPod,
  facts: readonly Fact[],
): { readonly words: string; readonly facts: Facts } {
  const nodes = dataOf(facts, "nodes")?.nodes;
  const reasons = nodes ? nodeReasons(pod, nodes, "") : [];
  return {
    words: reasons.map(({ words }) => words).join("; "),
    facts: { ...(nodes && { nodes: nodes.length }), ...Object.assign({}, ...reasons.map(({ facts: more }) => more)) },
  };
}

/** A pod that the scheduler does not even try to place. */
function heldBack({ metadata, spec, status }: DetailedPod): Reason | undefined {
  const name = metadata.name;
  const gates = (spec?.schedulingGates ?? []).map((gate) => plainWord(gate.name));
  if (gates.length > 0)
    return {
      words: `pod ${name} is not scheduled before its scheduling gate ${gates.slice(0, 3).join(", ")} is removed`,
      facts: { scheduling_gates: gates.slice(0, 3) },
    };
  if (status?.conditions?.some(({ type }) => type === "PodScheduled") === true || spec?.nodeName !== undefined)
    return undefined;
  const scheduler = plainWord(spec?.schedulerName ?? "default-scheduler");
  return {
    words: `pod ${name} waits for scheduler ${scheduler}, which has not looked at it: is there one of that name?`,
    facts: { scheduler },
  };
}

interface Reason {
  readonly words: string;
  readonly facts: Facts;
}

function claimReasons(references: readonly PodReference[]): Reason[] {
  return references
    .filter(({ kind, exists, phase }) => kind === "persistentvolumeclaim" && (!exists || phase === "Pending"))
    .map(({ name, exists, storageClass }) => {
      const claim = plainWord(name);
      if (!exists) return { words: `its volume claim ${claim} does not exist`, facts: { claim, claim_exists: false } };
      const by = storageClass === undefined ? "no storage class" : `storage class ${plainWord(storageClass)}`;
      return { words: `its volume claim ${claim} (${by}) is not bound`, facts: { claim, claim_phase: "Pending" } };
    });
}

function nodeReasons(pod: DetailedPod, nodes: readonly KnownNode[], said: string): Reason[] {
  const reasons: Reason[] = [];
  const all = nodes.length;
  const count = (name: string, words: (some: number) => string, fits: (node: KnownNode) => boolean): void => {
    const some = nodes.filter(fits).length;
    if (some > 0) reasons.push({ words: words(some), facts: { [name]: some } });
  };
  const selector = Object.entries(pod.spec?.nodeSelector ?? {});
  const selected = selector.map(([key, value]) => `${plainWord(key)}=${plainWord(value)}`).join(", ");
  count(
    "nodes_without_label",
    (some) => `${some} of ${all} nodes lack the label ${selected}`,
    ({ labels }) => selector.some(([key, value]) => labels[key] !== value),
  );
  const terms =
    pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const wanted = terms.map(({ matchExpressions = [] }) => matchExpressions);
  count(
    "nodes_without_affinity",
    (some) => `${some} of ${all} nodes have labels that do not fit its affinity (${affinityText(wanted)})`,
    ({ labels }) => wanted.length > 0 && !wanted.some((term) => term.every((one) => fitsLabel(labels, one))),
  );
  count(
    "nodes_cordoned",
    (some) => `${some} of ${all} nodes are cordoned`,
    ({ unschedulable }) => unschedulable,
  );
  count(
    "nodes_not_ready",
    (some) => `${some} of ${all} nodes are not ready`,
    ({ ready }) => !ready,
  );
  count(
    "nodes_tainted",
    (some) => `${some} of ${all} nodes have a taint that it does not tolerate`,
    ({ taints, unschedulable }) =>
      !unschedulable && taints.some((taint) => taint.effect !== "PreferNoSchedule" && !tolerates(pod, taint)),
  );
  for (const resource of ["cpu", "memory", "ephemeral-storage"]) {
    const asked = requested(pod, resource);
    const largest = Math.max(...nodes.map(({ allocatable }) => quantity(allocatable[resource]) ?? 0));
    if (asked > 0 && asked > largest) {
      const [wants, has] = [text(resource, asked), text(resource, largest)];
      const facts = { [`${resource}_asked`]: wants, [`${resource}_of_largest_node`]: has };
      reasons.push({ words: `it asks for ${wants} ${resource}, and the largest node has ${has}`, facts });
    }
  }
  // What is used by other pods is not counted here: the scheduler did.
  return reasons.length > 0 ? reasons : saidReasons(said);
}

/** A requirement that is not understood here counts as fitting: the scheduler's own words then speak. */
function fitsLabel(labels: Readonly<Record<string, string>>, { key, operator, values = [] }: NodeRequirement): boolean {
  const own = labels[key];
  if (operator === "In") return own !== undefined && values.includes(own);
  if (operator === "NotIn") return own === undefined || !values.includes(own);
  if (operator === "Exists") return own !== undefined;
  return operator !== "DoesNotExist" || own === undefined;
}

const affinityText = (terms: readonly (readonly NodeRequirement[])[]): string =>
  terms
    .slice(0, 2)
    .map((term) =>
      term
        .slice(0, 3)
        .map(({ key, operator, values = [] }) =>
          [plainWord(key), plainWord(operator), ...values.slice(0, 3).map(plainWord)].join(" "),
        )
        .join(", "),
    )
    .join(" or ");

const tolerates = (pod: DetailedPod, taint: KnownNode["taints"][number]): boolean =>
  (pod.spec?.tolerations ?? []).some(
    ({ key, operator, value, effect }) =>
      (key === undefined || key === taint.key) &&
      (effect === undefined || effect === taint.effect) &&
      (operator === "Exists" || value === taint.value),
  );

function requested({ spec }: DetailedPod, resource: string): number {
  const of = (one: { resources?: { requests?: Readonly<Record<string, string>> } }): number =>
    quantity(one.resources?.requests?.[resource]) ?? 0;
  const main = (spec?.containers ?? []).reduce((sum, container) => sum + of(container), 0);
  return Math.max(main, ...(spec?.initContainers ?? []).map(of));
}

function text(resource: string, amount: number): string {
  if (resource === "cpu") return String(Math.round(amount * 1000) / 1000);
  return amount >= 2 ** 30 ? `${Math.round((amount / 2 ** 30) * 10) / 10}Gi` : `${Math.round(amount / 2 ** 20)}Mi`;
}

/** The scheduler's counts (kube-scheduler's `FitError`), where the nodes themselves do not tell. */
const sayings: readonly (readonly [RegExp, string, string])[] = [
  [/(\d+) Insufficient cpu/, "nodes_short_of_cpu", "too little free CPU"],
  [/(\d+) Insufficient memory/, "nodes_short_of_memory", "too little free memory"],
  [/(\d+) Insufficient ([\w./-]{1,60})/, "nodes_short_of_resource", "too little of a resource"],
  [/(\d+) node\(s\) didn't match Pod's node affinity/, "nodes_without_affinity", "labels that do not fit its affinity"],
  [/(\d+) node\(s\) had untolerated taint/, "nodes_tainted", "a taint that it does not tolerate"],
  [/(\d+) node\(s\) didn't have free ports/, "nodes_with_port_taken", "its host port taken"],
  [
    /(\d+) node\(s\) didn't (?:match|satisfy) (?:pod )?(?:anti-affinity|affinity)/i,
    "nodes_against_affinity",
    "pods that its affinity rules out",
  ],
  [/(\d+) Too many pods/, "nodes_full", "as many pods as they may have"],
];

function saidReasons(said: string): Reason[] {
  const total = /^\d+\/(\d+) nodes are available/.exec(said)?.[1];
  return sayings
    .flatMap(([pattern, name, words]) => {
      const some = pattern.exec(said)?.[1];
      if (some === undefined) return [];
      return [
        {
          words: `${some}${total === undefined ? "" : ` of ${total}`} nodes have ${words}`,
          facts: { [name]: Number(some) },
        },
      ];
    })
    .slice(0, 3);
}
