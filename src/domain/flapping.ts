import type { Failure } from "./connectivity-error.ts";
import type { ErrorCode } from "./error-catalogue.ts";

/** A service that was ready and stopped being so by itself. */
export interface Drop {
  readonly atMs: number;
  readonly code: ErrorCode;
}

/** Drops in the window, and since when they are too many to be chance. */
export interface Steadiness {
  readonly drops: readonly Drop[];
  readonly flappingSinceMs?: number;
}

/** So far back drops count. */
export const flappingWindowMs = 10 * 60_000;
/** A rolled-out deployment drops a service once or twice; more in one window is a pattern. */
const dropsThatFlap = 4;
/** It flaps until so few are left in the window: one steady minute says nothing yet. */
const dropsThatCalm = 1;
const mostKeptDrops = 50;

export const steady: Steadiness = { drops: [] };

/** What is known at a moment, with a drop that happened then. */
export function afterDrop(before: Steadiness, drop: Drop): Steadiness {
  const now = at(before, drop.atMs);
  return at({ ...now, drops: [...now.drops, drop].slice(-mostKeptDrops) }, drop.atMs);
}

/** The same at a later moment: old drops do not count any more. */
export function at(before: Steadiness, nowMs: number): Steadiness {
  const drops = before.drops.filter(({ atMs }) => nowMs - atMs < flappingWindowMs);
  const flaps = before.flappingSinceMs === undefined ? drops.length >= dropsThatFlap : drops.length > dropsThatCalm;
  return flaps ? { drops, flappingSinceMs: before.flappingSinceMs ?? nowMs } : { drops };
}

/** The finding, with its evidence; `undefined` while the service is steady. */
export function flappingFinding(steadiness: Steadiness, nowMs: number): Failure | undefined {
  const { drops, flappingSinceMs } = at(steadiness, nowMs);
  if (flappingSinceMs === undefined) return undefined;
  const minutes = flappingWindowMs / 60_000;
  return {
    code: "flapping",
    message: `it was ready and dropped ${drops.length} times in the last ${minutes} minutes`,
    facts: {
      drops: drops.length,
      window_s: flappingWindowMs / 1000,
      causes: [...new Set(drops.map(({ code }) => code))],
      since_ms: flappingSinceMs,
    },
  };
}
