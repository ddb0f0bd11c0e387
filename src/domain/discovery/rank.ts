import { editDistance, foldName } from "../names.ts";
import { protocolNamed, wordsOf } from "./protocols.ts";
import type { FoundTarget } from "./target.ts";
import type { TargetQuery } from "./query.ts";

export interface RankedTarget {
  readonly target: FoundTarget;
  /** 0 to 100. */
  readonly score: number;
  /** For people: `name`, `port`, `kind`. */
  readonly why: string;
}

// How well one thing fits, of 100. What is exact beats what is near, a name beats a kind, and a kind beats a port number.
const exactName = 70;
const partOfName = 55;
const startOfName = 48;
const namedProtocol = 45;
const mentioned = 35;
const nearName = 32;
const portFits = 25;
const placeFits = 15;
const serviceFirst = 6;
const workloadNext = 3;
const isReady = 4;
const isCurrent = 2;

/** Ranks what was found for a query, best first; what does not fit is left out. Without a query everything fits. */
export function rankTargets(targets: readonly FoundTarget[], query: TargetQuery | undefined): RankedTarget[] {
  const ranked = targets.flatMap((target) => {
    const fit = query === undefined ? { score: 20, why: [] } : fitOf(target, query);
    if (fit === undefined) return [];
    return [{ target, score: Math.min(100, fit.score + preference(target)), why: fit.why.join(" and ") || "listed" }];
  });
  return ranked.toSorted(
    (left, right) => right.score - left.score || (left.target.target < right.target.target ? -1 : 1),
  );
}

function fitOf(
  target: FoundTarget,
  { words, port, places }: TargetQuery,
): { score: number; why: string[] } | undefined {
  let score = 0;
  const why: string[] = [];
  for (const place of places) {
    if (!isPlace(target, place)) return undefined;
    score += placeFits;
  }
  if (port !== undefined) {
    if (target.port !== port) return undefined;
    score += portFits;
    why.push("port");
  }
  let best = 0;
  for (const word of words) {
    const fit = wordFit(target, word);
    // 'postgres staging' names the place without saying 'in'.
    if (fit === undefined && isPlace(target, word)) {
      score += placeFits;
      continue;
    }
    if (fit === undefined) return undefined;
    if (fit.score > best) {
      best = fit.score;
      why.unshift(fit.why);
    }
  }
  return { score: score + best, why: [...new Set(why)] };
}

function wordFit(target: FoundTarget, word: string): { score: number; why: string } | undefined {
  const folded = foldName(word);
  const name = foldName(target.name);
  if (name === folded) return { score: exactName, why: "name" };
  const parts = wordsOf(target.name);
  if (wordsOf(word).every((part) => parts.includes(part))) return { score: partOfName, why: "name" };
  if (folded.length >= 3 && name.startsWith(folded)) return { score: startOfName, why: "name" };
  const asked = protocolNamed(word);
  if (asked !== undefined && asked.name === target.protocol) return { score: namedProtocol, why: "kind" };
  if (folded.length >= 3 && (name.includes(folded) || target.portName === word))
    return { score: mentioned + 5, why: "name" };
  if (target.hints.some((hint) => wordsOf(hint).includes(word))) return { score: mentioned, why: "what runs there" };
  const limit = typosIn(folded);
  const nearest = [name, ...parts].some((part) => limit > 0 && editDistance(folded, part, limit) <= limit);
  return nearest ? { score: nearName, why: "similar name" } : undefined;
}

/** Letters that may be wrong: none of a short word, or everything would be near. */
const typosIn = (word: string): number => (word.length < 4 ? 0 : Math.floor(word.length / 3));

function isPlace(target: FoundTarget, word: string): boolean {
  const folded = foldName(word);
  return target.places.some((place) => {
    const whole = foldName(place);
    if (whole === folded || wordsOf(place).includes(word)) return true;
    return folded.length >= 3 && (whole.includes(folded) || near(folded, wordsOf(place)));
  });
}

const near = (folded: string, parts: readonly string[]): boolean => {
  const limit = typosIn(folded);
  return limit > 0 && parts.some((part) => editDistance(folded, part, limit) <= limit);
};

function preference({ kind, resource, ready, current }: FoundTarget): number {
  // What listens here needs no forward: it is the last thing that somebody looks for.
  const last = kind === "local" || resource === "pod";
  const byKind =
    resource === "service" || kind === "ssh" || kind === "compose" ? serviceFirst : last ? 0 : workloadNext;
  return byKind + (ready === true ? isReady : 0) + (current === true ? isCurrent : 0);
}

/** Two of the same score by more than this are not mistaken for each other. */
const clearBy = 8;
const goodEnough = 30;

/**
 * The one that is clearly meant; `undefined` when several are, or none fits well. A workload or pod behind a service that
 * fits too is the same thing.
 */
export function clearMatch(ranked: readonly RankedTarget[]): RankedTarget | undefined {
  const [best, second] = ranked.filter(({ target }) => !isBehind(target, ranked));
  if (best === undefined || best.score < goodEnough) return undefined;
  if (second === undefined || best.score - second.score > clearBy) return best;
  return undefined;
}

/** The candidates that are told, without what is behind one of them. */
export const distinctTargets = (ranked: readonly RankedTarget[]): RankedTarget[] =>
  ranked.filter(({ target }) => !isBehind(target, ranked));

const isBehind = (target: FoundTarget, ranked: readonly RankedTarget[]): boolean =>
  target.behind !== undefined &&
  ranked.some((other) => other.target !== target && other.target.object === target.behind);
