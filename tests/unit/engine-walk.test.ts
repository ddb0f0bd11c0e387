import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redisProbe } from "#adapters/probes/redis.ts";
import { ServiceRuntime } from "#application/engine/service-runtime.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { HealthCheckOf } from "#domain/spec/health-check.ts";
import { sameCondition, type ServiceCondition } from "#domain/service-state.ts";
import { directService, emptyAccess } from "../support/direct-driver.ts";
import { createMemoryWorld, type MemoryWorld } from "../support/memory-driver.ts";
import { atRest, createSimulatedClock, type SimulatedClock } from "../support/simulated-clock.ts";

const refusals = {
  passing: new ConnectivityError("host_unreachable", "the bastion does not answer"),
  final: new ConnectivityError("host_key_changed", "another key"),
} as const;

interface Walker {
  readonly world: MemoryWorld;
  readonly clock: SimulatedClock;
  readonly runtime: ServiceRuntime;
  readonly seen: { readonly before: ServiceCondition; readonly after: ServiceCondition }[];
}

function begin(keys: object): Walker {
  const world = createMemoryWorld();
  const clock = createSimulatedClock();
  const seen: Walker["seen"] = [];
  const runtime = new ServiceRuntime(directService("cache", 1, keys), {
    clock,
    access: emptyAccess,
    probes: { run: (check, path, context) => redisProbe.run(check as HealthCheckOf<"redis">, path, context) },
    driver: () => Promise.resolve(world.driver),
    listen: (_service, onConnection) => world.listen(onConnection),
    onCondition: (after, before) => void seen.push({ before, after }),
    onFlapping: () => undefined,
    onConnectionEnd: () => undefined,
  });
  return { world, clock, runtime, seen };
}

/** What a walk may do. Starts and stops are not waited for, so that they meet everything else. */
const steps = {
  start: ({ runtime }: Walker) => void runtime.start(),
  stop: ({ runtime }: Walker) => void runtime.stop(),
  retry: ({ runtime }: Walker) => runtime.retry(),
  reconnect: ({ runtime }: Walker) => runtime.reconnect({ code: "connection_lost", message: "on request" }),
  block: ({ runtime }: Walker) => runtime.block({ code: "dependency_failed", message: "waits" }),
  unblock: ({ runtime }: Walker) => runtime.unblock(),
  refuse: ({ world }: Walker) => void (world.refuseWith = refusals.passing),
  refuseForGood: ({ world }: Walker) => void (world.refuseWith = refusals.final),
  heal: ({ world }: Walker) => {
    world.refuseWith = undefined;
    world.targetGone = false;
    world.thaw();
  },
  fail: ({ world }: Walker) => void (world.targetGone = true),
  freeze: ({ world }: Walker) => void (world.frozen = true),
  cut: ({ world }: Walker) => world.cut(),
  changed: ({ world }: Walker) => world.changed(),
  client: ({ world }: Walker) => world.client(),
  turn: () => atRest(1),
  rest: () => atRest(),
  second: ({ clock }: Walker) => clock.advance(1000),
  minute: ({ clock }: Walker) => clock.advance(60_000),
} as const;
type Step = keyof typeof steps;

const policies = [{}, { restart_policy: { max_attempts: 2 } }, { restart_policy: { enabled: false } }];
const arbitraryKeys = fc.record({
  health_check: fc.record({
    type: fc.constant("redis"),
    interval: fc.constantFrom(1, 30),
    failure_threshold: fc.constantFrom(1, 3),
    success_threshold: fc.constantFrom(1, 2),
  }),
  waiting_room: fc.record({ timeout: fc.constantFrom(0, 5), connections: fc.constantFrom(0, 2, 50) }),
  policy: fc.constantFrom(...policies),
});

/** `ready` needs a link and is proven; what is not wanted is stopped; what is broken shows a cause; no change is none. */
function illegalities({ runtime, seen, clock }: Walker): string[] {
  const { state, failure, verified } = runtime.condition;
  const isBroken = state === "waiting" || state === "failed";
  const isProven = runtime.transport !== undefined && verified !== undefined && verified.atMs <= clock.nowMs();
  const found = [
    isBroken === (failure !== undefined) ? "" : `${state} with ${failure?.code}`,
    state !== "ready" || isProven ? "" : "ready without proof",
    runtime.wanted === (state !== "stopped") ? "" : `${state}, wanted: ${runtime.wanted}`,
  ];
  for (const { before, after } of seen.splice(0)) {
    if (before.state === "stopped" && after.state === "ready") found.push("ready out of nothing");
    if (sameCondition(before, after)) found.push(`no change to ${after.state}`);
  }
  return found.filter((one) => one !== "");
}

describe("a walk through anything that can happen to a service", () => {
  test("ends where it should: stopped with nothing open, or ready and verified", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryKeys,
        fc.array(fc.constantFrom(...(Object.keys(steps) as Step[])), { minLength: 1, maxLength: 40 }),
        async ({ policy, ...keys }, walk) => {
          const walker = begin({ ...keys, ...policy });
          const { world, runtime, clock } = walker;
          for (const step of walk) {
            await steps[step](walker);
            expect(illegalities(walker)).toEqual([]);
          }
          // Wanted and actual meet: whatever was, asked once more in a world that is well, it becomes ready.
          steps.heal(walker);
          // A dial that is on its way may still bring the old world's refusal.
          await atRest();
          runtime.unblock();
          await runtime.start();
          runtime.retry();
          await clock.advance(61_000);
          expect(runtime.condition.state).toBe("ready");
          expect(clock.nowMs() - (runtime.condition.verified?.atMs ?? 0)).toBeLessThan(32_000);
          expect(world.open()).toMatchObject({ transports: 1, listeners: 1, clients: 0 });
          expect(runtime.waitingConnections).toBe(0);

          await runtime.stop();
          world.thaw();
          await atRest();
          expect(illegalities(walker)).toEqual([]);
          expect(runtime.condition.state).toBe("stopped");
          expect(world.open()).toEqual({ transports: 0, streams: 0, listeners: 0, watches: 0, clients: 0 });
          expect(clock.pending).toBe(0);
          expect([runtime.connections, runtime.waitingConnections]).toEqual([0, 0]);
        },
      ),
      { numRuns: Number(process.env["ENGINE_WALKS"] ?? 400) },
    );
  });
});
