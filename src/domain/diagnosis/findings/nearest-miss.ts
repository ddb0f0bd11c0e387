import type { Workload } from "../../kubernetes/detail.ts";
import { editDistance } from "../../names.ts";
import { plainWord, type FactKinds } from "../fact.ts";

/** Who comes nearest to a selector that selects nobody, and in what it differs. */
export interface Miss {
  readonly owner: string;
  readonly differs: readonly { readonly key: string; readonly wanted: string; readonly found: string }[];
}

/** As far as a word may be from another one and be taken for a misspelt one. */
const misspelt = 0.5;
/** A label that is not there is worse than a misspelt one, and no worse than another word. */
const absent = 1;
const mostCost = 1.5;

/**
 * What comes nearest to a selector: most labels as asked, then the nearest spelling. It must have something in common with
 * what is asked: a label, a misspelt one, or the value under another key; any other pod is no miss but another pod.
 */
export function nearestMiss(
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
  const asked = Object.entries(selector);
  let best: (Miss & { readonly cost: number }) | undefined;
  for (const { owner, labels } of owners) {
    const differs = asked.filter(([key, value]) => labels[key] !== value).map((pair) => difference(pair, labels));
    if (differs.length === 0) continue;
    const common = differs.length < asked.length || differs.every(({ cost }) => cost < misspelt);
    const cost = differs.reduce((sum, one) => sum + one.cost, 0);
    if (common && cost < mostCost && (best === undefined || cost < best.cost)) best = { owner, differs, cost };
  }
  return best;
}

function difference(
  [key, wanted]: readonly [string, string],
  labels: Readonly<Record<string, string>>,
): Miss["differs"][number] & { readonly cost: number } {
  const own = labels[key];
  const other = own === undefined ? Object.entries(labels).find(([, value]) => value === wanted) : undefined;
  const found =
    other === undefined ? plainWord(own ?? "nothing") : `${plainWord(other[0])}: ${plainWord(wanted)} instead`;
  const cost = other === undefined ? (own === undefined ? absent : spelling(wanted, own)) : otherKey;
  return { key: plainWord(key), wanted: plainWord(wanted), found, cost };
}
const otherKey = 0.3;

/** 0 for equal words, under 1 for alike ones, 1 for others. */
function spelling(wanted: string, found: string): number {
  const longest = Math.max(wanted.length, found.length, 1);
  return Math.min(1, editDistance(wanted.slice(0, 63), found.slice(0, 63), Math.ceil(longest / 2)) / longest);
}
