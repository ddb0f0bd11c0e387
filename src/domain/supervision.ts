import type { Failure } from "./connectivity-error.ts";
import { errorCatalogue, type ErrorCode } from "./error-catalogue.ts";

/**
 * A target that is not there (yet): no pod, none ready, scaled to zero; or a machine without a network. Trying again
 * fails nobody, so it uses no attempts up, however long it lasts.
 */
export function isWaitingForTarget({ code }: Failure): boolean {
  const { rung, shows } = errorCatalogue[code];
  return code === "offline" || (rung === "workload" && shows === "waiting");
}

/**
 * What does not heal by itself, though it may be mended where we cannot see it (a right is granted, a database made):
 * after a second failure of this kind the circuit is open, and only a trial now and then goes through.
 */
const openingCodes: ReadonlySet<ErrorCode> = new Set([
  "credentials_rejected",
  "permission_denied",
  "namespace_missing",
  "resource_missing",
  "application_auth_failed",
  "database_missing",
]);

/** A first failure may be a race (a secret that was just changed). More than two wrong passwords may lock an account. */
const failuresThatOpen = 2;
const firstTrialMs = 15_000;

/** Whether so many failures of this kind in a row open the circuit: no further attempt but a trial now and then. */
export const opensCircuit = ({ code }: Failure, failures: number): boolean =>
  openingCodes.has(code) && failures >= failuresThatOpen;

/** The pause before the next trial, after so many failures in a row: 15 s, doubled each time, at most `slowestMs`. */
export const trialDelayMs = (failures: number, slowestMs: number): number =>
  Math.min(firstTrialMs * 2 ** Math.min(Math.max(failures - failuresThatOpen, 0), 16), slowestMs);

/** The failure as it is shown while the circuit is open. */
export const withOpenCircuit = (failure: Failure, trialMs: number): Failure => ({
  ...failure,
  facts: { ...failure.facts, circuit: "open", next_trial_s: Math.round(trialMs / 1000) },
});
