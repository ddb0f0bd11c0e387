import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { errorCatalogue, type ErrorCode } from "#domain/error-catalogue.ts";
import { nextHealth, type Health, type HealthEvent } from "#domain/health.ts";
import type { LinkState } from "#domain/link-state.ts";
import {
  environmentState,
  following,
  serviceCondition,
  type ServiceCondition,
  type ServiceState,
} from "#domain/service-state.ts";

const verification = { atMs: 5, by: "redis PING", durationMs: 2 };
const failure = (code: ErrorCode): { code: ErrorCode; message: string } => ({ code, message: `because of ${code}` });
const codes = Object.keys(errorCatalogue) as ErrorCode[];

const linkArbitrary: fc.Arbitrary<LinkState> = fc.oneof(
  fc.constant<LinkState>({ kind: "idle" }),
  fc.constant<LinkState>({ kind: "dialing", sinceMs: 1, attempt: 0 }),
  fc.constant<LinkState>({ kind: "up", sinceMs: 1, attempt: 0 }),
  fc
    .constantFrom(...codes)
    .map<LinkState>((code) => ({ kind: "backoff", sinceMs: 1, attempt: 1, retryAtMs: 2, failure: failure(code) })),
  fc.constantFrom(...codes).map<LinkState>((code) => ({ kind: "failed", sinceMs: 1, failure: failure(code) })),
);
const healthEventArbitrary: fc.Arbitrary<HealthEvent> = fc.oneof(
  fc
    .integer({ min: 1, max: 3 })
    .map<HealthEvent>((successThreshold) => ({ kind: "passed", verification, successThreshold })),
  fc.constantFrom(...codes).map<HealthEvent>((code) => ({ kind: "failed", failure: failure(code), atMs: 3 })),
  fc.constant<HealthEvent>({ kind: "connection_failed", failure: failure("connection_lost"), atMs: 4 }),
  fc.constant<HealthEvent>({ kind: "reset" }),
);
const healthArbitrary = fc
  .array(healthEventArbitrary, { maxLength: 10 })
  .map((events) => events.reduce<Health>((health, event) => nextHealth(health, event), { kind: "unknown" }));

describe("a service's state", () => {
  test("ready needs an open link and a check whose last word was a pass, and nothing else gives it", () => {
    fc.assert(
      fc.property(linkArbitrary, healthArbitrary, fc.boolean(), (link, health, wanted) => {
        const { state } = serviceCondition({ wanted, link, health });
        expect(state === "ready").toBe(wanted && link.kind === "up" && health.kind === "passing");
      }),
    );
  });

  test("what is broken carries its cause, and shows what the catalogue says", () => {
    for (const code of codes) {
      const link: LinkState = { kind: "backoff", sinceMs: 1, attempt: 1, retryAtMs: 2, failure: failure(code) };
      const condition = serviceCondition({ wanted: true, link, health: { kind: "unknown" } });
      expect(condition).toMatchObject({ state: errorCatalogue[code].shows, failure: { code } });
      const gaveUp = serviceCondition({
        wanted: true,
        link: { kind: "failed", sinceMs: 1, failure: failure(code) },
        health: { kind: "unknown" },
      });
      // Paused: what is tried no more does not come back by itself, whatever its cause.
      const shows = errorCatalogue[code].retryable ? "failed" : errorCatalogue[code].shows;
      expect(gaveUp).toMatchObject({ state: shows, failure: { code } });
    }
  });

  test("what is not wanted is stopped, whatever was refused", () => {
    const refused = { failure: failure("local_port_in_use"), sinceMs: 1 };
    const idle = { link: { kind: "idle" }, health: { kind: "unknown" }, refused } as const;
    expect(serviceCondition({ ...idle, wanted: false })).toEqual({ state: "stopped" });
    expect(serviceCondition({ ...idle, wanted: true })).toMatchObject({ state: "failed" });
  });

  test("a broken time goes on through new links, other causes and dials, until it is ready", () => {
    const down: ServiceCondition = { state: "waiting", sinceMs: 5, failure: failure("connection_lost") };
    const other: ServiceCondition = { state: "failed", sinceMs: 9, failure: failure("target_unreachable") };
    expect(following(down, other).sinceMs).toBe(5);
    expect(following(down, { state: "ready", sinceMs: 9 }).sinceMs).toBe(9);
    expect(following({ state: "ready", sinceMs: 9 }, { state: "ready", sinceMs: 12 }).sinceMs).toBe(9);
    expect(following({ state: "starting", sinceMs: 1 }, down).sinceMs).toBe(5);
  });

  test("one failed check, or one failed connection, ends ready", () => {
    const passing: Health = { kind: "passing", last: verification };
    const link: LinkState = { kind: "up", sinceMs: 1, attempt: 0 };
    for (const kind of ["failed", "connection_failed"] as const) {
      const health = nextHealth(passing, { kind, failure: failure("target_unreachable"), atMs: 9 });
      expect(serviceCondition({ wanted: true, link, health })).toMatchObject({
        state: "failed",
        verified: verification,
      });
    }
  });

  test("a success threshold holds a failing service back until it is reached", () => {
    let health: Health = nextHealth(
      { kind: "unknown" },
      { kind: "failed", failure: failure("application_unhealthy"), atMs: 1 },
    );
    const pass: HealthEvent = { kind: "passed", verification, successThreshold: 2 };
    health = nextHealth(health, pass);
    expect(health.kind).toBe("failing");
    expect(nextHealth(health, pass).kind).toBe("passing");
  });
});

describe("an environment's state", () => {
  const cases: [ServiceState[], string][] = [
    [[], "idle"],
    [["stopped", "stopped"], "idle"],
    [["ready", "ready"], "ready"],
    [["ready", "starting", "failed"], "starting"],
    [["ready", "failed"], "partial"],
    [["ready", "waiting"], "partial"],
    [["waiting", "failed"], "failed"],
  ];
  test.each(cases)("%j is %s", (states, expected) => {
    expect(environmentState(states)).toBe(expected);
  });
});
