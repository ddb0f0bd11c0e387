import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linkTransitions, nextLinkState, stableAfterMs, type LinkEvent, type LinkState } from "#domain/link-state.ts";

const failure = { code: "connection_lost", message: "the connection was lost" } as const;

const eventArbitrary = (atMs: number): fc.Arbitrary<LinkEvent> =>
  fc.oneof(
    fc.constant<LinkEvent>({ kind: "dial", atMs }),
    fc.constant<LinkEvent>({ kind: "opened", atMs }),
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

  test("a short time up goes on counting attempts, a stable one starts anew", () => {
    const up: LinkState = { kind: "up", sinceMs: 0, attempt: 3 };
    const lost = (atMs: number): LinkState | undefined =>
      nextLinkState(up, { kind: "retry", atMs, retryAtMs: atMs, failure });
    expect(lost(stableAfterMs - 1)).toMatchObject({ attempt: 4 });
    expect(lost(stableAfterMs)).toMatchObject({ attempt: 0 });
  });
});
