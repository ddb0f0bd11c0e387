import type { Failure } from "./connectivity-error.ts";

/** The last exchange that succeeded through the whole path. */
export interface Verification {
  readonly atMs: number;
  /** `redis PING`, `http 200 GET /health`. */
  readonly by: string;
  readonly durationMs: number;
}

/**
 * What is known about the target behind an open link. `passing` is the only one that makes a service ready.
 *
 * `suspect`: it passed, then a real connection failed, and the check that was started at once has not answered yet.
 */
export type Health =
  | { readonly kind: "unknown"; readonly last?: Verification }
  | { readonly kind: "passing"; readonly last: Verification }
  | { readonly kind: "suspect"; readonly last?: Verification; readonly failure: Failure; readonly sinceMs: number }
  | {
      readonly kind: "failing";
      readonly last?: Verification;
      readonly failure: Failure;
      readonly sinceMs: number;
      /** Failed checks in a row. */
      readonly failures: number;
      /** Passed checks in a row since; below the threshold it stays failing. */
      readonly passes: number;
    };

export type HealthEvent =
  | { readonly kind: "passed"; readonly verification: Verification; readonly successThreshold: number }
  | { readonly kind: "failed"; readonly failure: Failure; readonly atMs: number }
  /** A real connection failed: not ready until a check says otherwise. */
  | { readonly kind: "connection_failed"; readonly failure: Failure; readonly atMs: number }
  /** The link went down or was opened anew: what was known is history. */
  | { readonly kind: "reset" };

const lastOf = (health: Health): { last?: Verification } => (health.last ? { last: health.last } : {});

/** One failed check is enough to be no longer ready; a threshold of passed ones may be wanted to be so again. */
export function nextHealth(health: Health, event: HealthEvent): Health {
  switch (event.kind) {
    case "passed": {
      const passes = health.kind === "failing" ? health.passes + 1 : event.successThreshold;
      if (passes >= event.successThreshold) return { kind: "passing", last: event.verification };
      return { ...(health as Extract<Health, { kind: "failing" }>), passes };
    }
    case "failed": {
      const before = health.kind === "failing" ? health : undefined;
      const sinceMs = before?.sinceMs ?? (health.kind === "suspect" ? health.sinceMs : event.atMs);
      const failures = (before?.failures ?? 0) + 1;
      return { kind: "failing", ...lastOf(health), failure: event.failure, sinceMs, failures, passes: 0 };
    }
    case "connection_failed":
      if (health.kind !== "passing") return health;
      return { kind: "suspect", ...lastOf(health), failure: event.failure, sinceMs: event.atMs };
    case "reset":
      return { kind: "unknown", ...lastOf(health) };
  }
}
