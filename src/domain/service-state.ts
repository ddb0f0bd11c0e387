import type { Failure } from "./connectivity-error.ts";
import { errorCatalogue } from "./error-catalogue.ts";
import type { Health, Verification } from "./health.ts";
import type { LinkState } from "./link-state.ts";

/** What a service shows. `waiting`: it comes back by itself when its cause goes; `failed`: somebody has to act. */
export type ServiceState = "stopped" | "starting" | "ready" | "waiting" | "failed";
/** What an environment shows. */
export type EnvironmentState = "idle" | "starting" | "partial" | "ready" | "failed";

export interface ServiceCondition {
  readonly state: ServiceState;
  readonly sinceMs?: number;
  readonly failure?: Failure;
  readonly verified?: Verification;
}

export interface ServiceObservation {
  readonly wanted: boolean;
  readonly link: LinkState;
  readonly health: Health;
  /** Why it cannot be started at all: its declaration, its local port. */
  readonly refused?: { readonly failure: Failure; readonly sinceMs: number } | undefined;
  /** A service that it depends on and that is not ready. */
  readonly blocked?: { readonly failure?: Failure; readonly sinceMs: number } | undefined;
}

const failureState = (failure: Failure): ServiceState => errorCatalogue[failure.code].shows;

/** The one place where a service's state is decided: `ready` needs an open link and a passed check, nothing else does. */
export function serviceCondition({ wanted, link, health, refused, blocked }: ServiceObservation): ServiceCondition {
  const verified = health.last ? { verified: health.last } : {};
  const failed = (failure: Failure, sinceMs: number): ServiceCondition => ({
    state: failureState(failure),
    sinceMs,
    failure,
    ...verified,
  });
  if (!wanted) return { state: "stopped", ...verified };
  if (refused) return failed(refused.failure, refused.sinceMs);
  switch (link.kind) {
    case "idle":
      if (blocked?.failure) return failed(blocked.failure, blocked.sinceMs);
      return { state: "starting", ...(blocked && { sinceMs: blocked.sinceMs }), ...verified };
    case "dialing":
      return link.failure
        ? failed(link.failure, link.sinceMs)
        : { state: "starting", sinceMs: link.sinceMs, ...verified };
    case "backoff":
      return failed(link.failure, link.sinceMs);
    case "failed": {
      // What could be tried again and is not any more (attempts used up, restarts switched off) does not come back by itself.
      const paused = errorCatalogue[link.failure.code].retryable;
      return { ...failed(link.failure, link.sinceMs), ...(paused && { state: "failed" }) };
    }
    case "up":
      if (health.kind === "passing") return { state: "ready", sinceMs: health.last.atMs, verified: health.last };
      if (health.kind === "unknown") {
        return link.failure
          ? failed(link.failure, link.sinceMs)
          : { state: "starting", sinceMs: link.sinceMs, ...verified };
      }
      return failed(health.failure, health.sinceMs);
  }
}

/** The next condition, with `sinceMs` of the one before where it goes on: ready all the time, or broken all the time. */
export function following(before: ServiceCondition, after: ServiceCondition): ServiceCondition {
  const goesOn =
    (before.state === "ready" && after.state === "ready") ||
    (before.failure !== undefined && after.failure !== undefined);
  return goesOn && before.sinceMs !== undefined ? { ...after, sinceMs: before.sinceMs } : after;
}

/** Whether two conditions tell a person the same. */
export const sameCondition = (left: ServiceCondition, right: ServiceCondition): boolean =>
  left.state === right.state &&
  left.failure?.code === right.failure?.code &&
  left.failure?.message === right.failure?.message;

/** An environment's state from its services'. */
export function environmentState(states: readonly ServiceState[]): EnvironmentState {
  const count = (state: ServiceState): number => states.filter((one) => one === state).length;
  if (states.length === 0 || count("stopped") === states.length) return "idle";
  if (count("ready") === states.length) return "ready";
  if (count("starting") > 0) return "starting";
  return count("ready") > 0 ? "partial" : "failed";
}
