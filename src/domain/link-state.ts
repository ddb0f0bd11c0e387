import type { Failure } from "./connectivity-error.ts";

/**
 * The running side of a service. One discriminated union, moved by one function over one table; no flags beside it.
 *
 * `idle → dialing → up → backoff → dialing …`, `failed` when trying again cannot help until something changes.
 */
export type LinkState =
  | { readonly kind: "idle" }
  | { readonly kind: "dialing"; readonly sinceMs: number; readonly attempt: number; readonly failure?: Failure }
  | {
      readonly kind: "up";
      readonly sinceMs: number;
      /** Failed attempts before this time; forgotten once the link has been up for `stableAfterMs`. */
      readonly attempt: number;
      /** What was wrong before this time: still the last that is known, until a check through the link says otherwise. */
      readonly failure?: Failure;
    }
  | {
      readonly kind: "backoff";
      readonly sinceMs: number;
      /** Failed attempts in a row; a link that broke before it was stable counts as one. */
      readonly attempt: number;
      readonly retryAtMs: number;
      readonly failure: Failure;
    }
  | { readonly kind: "failed"; readonly sinceMs: number; readonly failure: Failure };

export type LinkEvent =
  /** Somebody wants the service, asked again, or its cause changed. */
  | { readonly kind: "dial"; readonly atMs: number }
  | { readonly kind: "opened"; readonly atMs: number }
  /** A dial failed, or an open transport was lost, and a retry is planned. */
  | { readonly kind: "retry"; readonly atMs: number; readonly retryAtMs: number; readonly failure: Failure }
  /** Trying again cannot help. */
  | { readonly kind: "give_up"; readonly atMs: number; readonly failure: Failure }
  | { readonly kind: "stop" };

/** A link that was up this long starts a new count of attempts when it breaks; a shorter time is flapping and goes on counting. */
export const stableAfterMs = 10_000;

type Kind = LinkState["kind"];

/** Which events each state takes; anything else is late news and leaves the state alone. */
export const linkTransitions: Readonly<Record<Kind, readonly LinkEvent["kind"][]>> = {
  idle: ["dial"],
  dialing: ["opened", "retry", "give_up", "stop"],
  up: ["retry", "give_up", "stop"],
  backoff: ["dial", "give_up", "stop"],
  failed: ["dial", "stop"],
};

/** The end of a stable time is no failed attempt: those that follow are counted from the first. */
const endsStableTime = (state: LinkState, atMs: number): boolean =>
  state.kind === "up" && atMs - state.sinceMs >= stableAfterMs;

function attemptsSoFar(state: LinkState, atMs: number): number {
  if (state.kind === "up") return endsStableTime(state, atMs) ? 0 : state.attempt;
  return state.kind === "dialing" || state.kind === "backoff" ? state.attempt : 0;
}

/** The next state, or `undefined` when the table does not allow the event in this state (the caller disposes of its result). */
export function nextLinkState(state: LinkState, event: LinkEvent): LinkState | undefined {
  if (!linkTransitions[state.kind].includes(event.kind)) return undefined;
  switch (event.kind) {
    case "dial": {
      const failure = "failure" in state ? state.failure : undefined;
      return {
        kind: "dialing",
        sinceMs: event.atMs,
        attempt: attemptsSoFar(state, event.atMs),
        ...(failure && { failure }),
      };
    }
    case "opened": {
      const failure = "failure" in state ? state.failure : undefined;
      return {
        kind: "up",
        sinceMs: event.atMs,
        attempt: attemptsSoFar(state, event.atMs),
        ...(failure && { failure }),
      };
    }
    case "retry":
      return {
        kind: "backoff",
        sinceMs: event.atMs,
        attempt: attemptsSoFar(state, event.atMs) + (endsStableTime(state, event.atMs) ? 0 : 1),
        retryAtMs: event.retryAtMs,
        failure: event.failure,
      };
    case "give_up":
      return { kind: "failed", sinceMs: event.atMs, failure: event.failure };
    case "stop":
      return { kind: "idle" };
  }
}
