import type { Failure } from "./connectivity-error.ts";
import { isWaitingForTarget } from "./supervision.ts";

/**
 * The running side of a service. One discriminated union, moved by one function over one table; no flags beside it.
 *
 * `idle → dialing → up → backoff → dialing …`, `failed` when trying again cannot help until something changes.
 */
export type LinkState =
  | { readonly kind: "idle" }
  | {
      readonly kind: "dialing";
      readonly sinceMs: number;
      readonly attempt: number;
      readonly waits?: number;
      readonly failure?: Failure;
    }
  | {
      readonly kind: "up";
      readonly sinceMs: number;
      /** Failed attempts before this time; forgotten once the target behind it was healthy for `stableAfterMs`. */
      readonly attempt: number;
      readonly waits?: number;
      /** The last time in one go in which checks passed; without `toMs` it goes on. */
      readonly healthy?: { readonly fromMs: number; readonly toMs?: number };
      /** What was wrong before this time: still the last that is known, until a check through the link says otherwise. */
      readonly failure?: Failure;
    }
  | {
      readonly kind: "backoff";
      readonly sinceMs: number;
      /** Failed attempts in a row; a link that broke before it was stable counts as one. */
      readonly attempt: number;
      /** Dials since the last counted attempt that found a target which is not there yet: no failures. */
      readonly waits?: number;
      readonly retryAtMs: number;
      readonly failure: Failure;
    }
  | { readonly kind: "failed"; readonly sinceMs: number; readonly failure: Failure };

export type LinkEvent =
  /** Somebody wants the service, asked again, or its cause changed. */
  | { readonly kind: "dial"; readonly atMs: number }
  | { readonly kind: "opened"; readonly atMs: number }
  /** A check through the open link passed after none did; and the opposite. */
  | { readonly kind: "proven"; readonly atMs: number }
  | { readonly kind: "doubted"; readonly atMs: number }
  /** A dial failed, or an open transport was lost, and a retry is planned. */
  | { readonly kind: "retry"; readonly atMs: number; readonly retryAtMs: number; readonly failure: Failure }
  /** Trying again cannot help. */
  | { readonly kind: "give_up"; readonly atMs: number; readonly failure: Failure }
  | { readonly kind: "stop" };

/**
 * A link whose target was healthy this long in one go starts a new count of attempts when it breaks. A shorter time, or
 * an open link that proves nothing, goes on counting: otherwise what starts and then fails would be tried for ever.
 */
export const stableAfterMs = 10_000;

type Kind = LinkState["kind"];

/** Which events each state takes; anything else is late news and leaves the state alone. */
export const linkTransitions: Readonly<Record<Kind, readonly LinkEvent["kind"][]>> = {
  idle: ["dial"],
  dialing: ["opened", "retry", "give_up", "stop"],
  up: ["proven", "doubted", "retry", "give_up", "stop"],
  backoff: ["dial", "give_up", "stop"],
  failed: ["dial", "stop"],
};

type Up = Extract<LinkState, { kind: "up" }>;

const wasStable = ({ healthy }: Up, atMs: number): boolean =>
  healthy !== undefined && (healthy.toMs ?? atMs) - healthy.fromMs >= stableAfterMs;

/** The end of a stable time is no failed attempt: those that follow are counted from the first. */
const endsStableTime = (state: LinkState, atMs: number): boolean => state.kind === "up" && wasStable(state, atMs);

type Count = { readonly attempt: number; readonly waits?: number };

function soFar(state: LinkState, atMs: number): Count {
  const counts = state.kind === "up" || state.kind === "dialing" || state.kind === "backoff";
  if (!counts || endsStableTime(state, atMs)) return { attempt: 0 };
  return { attempt: state.attempt, ...(state.waits !== undefined && { waits: state.waits }) };
}

/** Waiting for a target that is not there yet is not a failure of anything: it counts for the pace only. */
function withFailure(state: LinkState, atMs: number, failure: Failure): Count {
  const { attempt, waits = 0 } = soFar(state, atMs);
  if (isWaitingForTarget(failure)) return { attempt, waits: waits + 1 };
  return { attempt: attempt + (endsStableTime(state, atMs) ? 0 : 1) };
}

const failureOf = (state: LinkState): { failure?: Failure } =>
  "failure" in state && state.failure ? { failure: state.failure } : {};

/** The next state, or `undefined` when the table does not allow the event in this state (the caller disposes of its result). */
export function nextLinkState(state: LinkState, event: LinkEvent): LinkState | undefined {
  if (!linkTransitions[state.kind].includes(event.kind)) return undefined;
  switch (event.kind) {
    case "dial":
      return { kind: "dialing", sinceMs: event.atMs, ...soFar(state, event.atMs), ...failureOf(state) };
    case "opened":
      return { kind: "up", sinceMs: event.atMs, ...soFar(state, event.atMs), ...failureOf(state) };
    case "proven": {
      const { kind, sinceMs, healthy } = state as Up;
      if (healthy && healthy.toMs === undefined) return state;
      return { kind, sinceMs, ...soFar(state, event.atMs), healthy: { fromMs: event.atMs }, ...failureOf(state) };
    }
    case "doubted": {
      const { healthy } = state as Up;
      return healthy ? { ...(state as Up), healthy: { toMs: event.atMs, ...healthy } } : state;
    }
    case "retry":
      return {
        kind: "backoff",
        sinceMs: event.atMs,
        ...withFailure(state, event.atMs, event.failure),
        retryAtMs: event.retryAtMs,
        failure: event.failure,
      };
    case "give_up":
      return { kind: "failed", sinceMs: event.atMs, failure: event.failure };
    case "stop":
      return { kind: "idle" };
  }
}
