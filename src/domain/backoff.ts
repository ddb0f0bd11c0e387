import type { RestartPolicy } from "./spec/service.ts";

/** Half of a delay is fixed and half is chance, so that many services that broke together do not come back together. */
const jitterShare = 0.5;

/**
 * Milliseconds before attempt `attempt + 1`, after `attempt` failed ones in a row (0: a link was lost that had been stable):
 * `initialDelay · multiplier^(attempt - 1)`, at least `initialDelay`, at most `maxDelay`, with jitter downwards. `random` is in [0, 1).
 */
export function backoffDelayMs(policy: RestartPolicy, attempt: number, random: number): number {
  const exponential = policy.initialDelayMs * policy.multiplier ** Math.min(Math.max(attempt - 1, 0), 64);
  const ceiling = Math.min(exponential, policy.maxDelayMs);
  return Math.round(ceiling * (1 - jitterShare * random));
}
