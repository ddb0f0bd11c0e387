import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linkTransitions, nextLinkState, stableAfterMs, type LinkEvent, type LinkState } from "#domain/link-state.ts";

const failure = { code: "connection_lost", message: "the connection was lost" } as const;

const eventArbitrary = (atMs: number): fc.Arbitrary<LinkEvent> =>
  fc.oneof(
    fc.constant<LinkEvent>({ kind: "dial", atMs }),
    fc.constant<LinkEvent>({ kind: "opened", atMs }),
    fc.constant<LinkEvent>({ kind: "proven", atMs }),
    fc.constant<LinkEvent>({ kind: "doubted", atMs }),
    fc.constant<LinkEvent>({ kind: "retry", atMs, retryAtMs: atMs + 10, failure }),
    fc.constant<LinkEvent>({ kind: "give_up", atMs, failure }),
    fc.constant<LinkEvent>({ kind: "stop" }),
  );

describe("the link's state table", () => {
  test("allows exactly what the table says, and leaves the state alone otherwise", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }).chain(eventArbitrary), { maxLength: 40 }), (events) => {
        let state: LinkState = { kind: "idle" };
        for (const event of events) {
          const next = nextLinkState(state, event);
          expect(next !== undefined).toBe(linkTransitions[state.kind].includes(event.kind));
          state = next ?? state;
        }
      }),
    );
  });

  test("a failure is kept while the link dials again, so that its cause is still shown", () => {
    const backoff: LinkState = { kind: "backoff", sinceMs: 0, attempt: 2, retryAtMs: 5, failure };
    expect(nextLinkState(backoff, { kind: "dial", atMs: 5 })).toEqual({
      kind: "dialing",
      sinceMs: 5,
      attempt: 2,
      failure,
    });
  });

  test("a failure is kept while nothing is known through the new link, and forgotten with the next success", () => {
    const dialing: LinkState = { kind: "dialing", sinceMs: 0, attempt: 2, failure };
    expect(nextLinkState(dialing, { kind: "opened", atMs: 5 })).toEqual({
      kind: "up",
      sinceMs: 5,
      attempt: 2,
      failure,
    });
  });

  test("[supervision-reset] only a sustained healthy time makes earlier attempts count no more", () => {
    const up: LinkState = { kind: "up", sinceMs: 0, attempt: 3 };
    const after = (...events: LinkEvent[]): LinkState =>
      events.reduce((state, event) => nextLinkState(state, event) ?? state, up as LinkState);
    const lostAt = (atMs: number): LinkEvent => ({ kind: "retry", atMs, retryAtMs: atMs, failure });
    const proven = (atMs: number): LinkEvent => ({ kind: "proven", atMs });
    const doubted = (atMs: number): LinkEvent => ({ kind: "doubted", atMs });
    expect(after(lostAt(3_600_000))).toMatchObject({ attempt: 4 });
    expect(after(proven(5), lostAt(5 + stableAfterMs - 1))).toMatchObject({ attempt: 4 });
    expect(after(proven(5), lostAt(5 + stableAfterMs))).toMatchObject({ attempt: 0 });
    // Twice half of it is not sustained; a suspicion that a check cleared up does not start anew.
    const half = stableAfterMs / 2;
    expect(after(proven(0), doubted(half), proven(half + 1), lostAt(2 * half))).toMatchObject({ attempt: 4 });
    expect(after(proven(0), proven(half), lostAt(2 * half))).toMatchObject({ attempt: 0 });
    // Healthy, then silent until it was given up: the silence is no attempt of ours.
    expect(after(proven(0), doubted(stableAfterMs), lostAt(60_000))).toMatchObject({ attempt: 0 });
  });

  test("[supervision-waiting] waiting for a pod uses no attempts up, and still slows the pace", () => {
    const missing = { code: "no_matching_pods", message: "no pod" } as const;
    let state: LinkState = { kind: "dialing", sinceMs: 0, attempt: 1 };
    for (let round = 1; round <= 5; round++) {
      state = nextLinkState(state, { kind: "retry", atMs: round, retryAtMs: round, failure: missing }) ?? state;
      expect(state).toMatchObject({ kind: "backoff", attempt: 1, waits: round });
      state = nextLinkState(state, { kind: "dial", atMs: round }) ?? state;
    }
    expect(nextLinkState(state, { kind: "retry", atMs: 9, retryAtMs: 9, failure })).toMatchObject({ attempt: 2 });
  });
});
