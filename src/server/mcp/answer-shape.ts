import type { Answer, NextStep } from "#application/surface/tool-definition.ts";
import { cleanUntrusted, untrustedLimit } from "#application/surface/untrusted.ts";

/** About 8,000 tokens of four characters: more than that and clients cut the answer or put it into a file. */
const answerLimit = 32_000;
const mostNextSteps = 3;
/** Deeper than any answer of ours: what lies below is dropped, so that a cycle ends. */
const deepest = 10;

/**
 * A copy that JSON can hold: no `undefined`, no functions, dates as ISO; strings below `untrusted` cleaned and clipped. In the
 * arguments of a call `null` means something (a key to remove), and is kept.
 */
function plain(value: unknown, untrusted: boolean, depth: number, nulls = false): unknown {
  if (value === null && nulls) return null;
  if (typeof value === "string") return untrusted ? cleanUntrusted(value, untrustedLimit) : value;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (typeof value !== "object" || value === null || depth >= deepest) return undefined;
  if (Array.isArray(value)) return value.map((item) => plain(item, untrusted, depth + 1, nulls) ?? null);
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const kept = plain(item, untrusted || key === "untrusted", depth + 1, nulls || key === "arguments");
    if (kept !== undefined) copy[key] = kept;
  }
  return copy;
}

/** The longest list in an answer, so that an answer over its limit loses rows and not its meaning. */
function longestList(value: unknown): unknown[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  let longest = Array.isArray(value) ? (value as unknown[]) : undefined;
  for (const item of Object.values(value)) {
    const below = longestList(item);
    if (below !== undefined && below.length > (longest?.length ?? 1)) longest = below;
  }
  return longest;
}

/**
 * An answer as it goes out: `summary` first, `user_steps` and at most three `next_steps` last, untrusted text cleaned, and
 * at most about 8,000 tokens (the longest lists are cut, `cut` says that they were).
 */
export function shapeAnswer(answer: Answer, knownTools: ReadonlySet<string>): Answer {
  const { summary, user_steps: userSteps, next_steps: nextSteps, ...rest } = answer;
  const facts = plain(rest, false, 0) as Record<string, unknown>;
  const steps = (nextSteps ?? []).filter((step: NextStep) => knownTools.has(step.tool)).slice(0, mostNextSteps);
  const ways = plain(
    { ...(userSteps && { user_steps: userSteps }), ...(nextSteps && { next_steps: steps }) },
    false,
    0,
  ) as object;
  let dropped = 0;
  while (JSON.stringify(facts).length > answerLimit) {
    const list = longestList(facts);
    if (list === undefined || list.length < 2) break;
    dropped += list.splice(Math.floor(list.length / 2)).length;
  }
  return { summary, ...facts, ...(dropped > 0 && { cut: `${dropped} entries left out: ask for less` }), ...ways };
}
