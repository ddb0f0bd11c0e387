import { afterEach, describe, expect, test } from "vitest";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { ProbeResult } from "#application/ports/probe.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import { directService } from "../support/direct-driver.ts";
import { makeRuntime, type RuntimeUnderTest } from "../support/service-runtime.ts";
import { createSimulatedClock, type SimulatedClock } from "../support/simulated-clock.ts";

const minute = 60_000;

/** A service in a simulated world: what dials and checks bring is set by the test. */
interface World {
  readonly under: RuntimeUnderTest;
  readonly clock: SimulatedClock;
  dialFails: ErrorCode | undefined;
  checkFails: ErrorCode | undefined;
  dials: number;
  checks: number;
  lose(): void;
  targetChanged(): void;
}

const worlds: World[] = [];
afterEach(async () => {
  for (const { under, clock } of worlds.splice(0)) {
    await under.runtime.stop();
    if (clock.pending > 0) throw new Error("a timer was left behind");
  }
});

function makeWorld(keys: object = {}): World {
  const clock = createSimulatedClock();
  let lost: (cause: ConnectivityError) => void = () => undefined;
  let changed: () => void = () => undefined;
  const open: ForwardDriver["open"] = () => {
    world.dials++;
    if (world.dialFails) return Promise.reject(new ConnectivityError(world.dialFails, "refused"));
    const { promise, resolve } = Promise.withResolvers<ConnectivityError>();
    lost = resolve;
    const transport: Transport = {
      via: "memory",
      facts: () => ({}),
      connect: () => Promise.reject(new ConnectivityError("target_unreachable", "gone")),
      closed: promise,
      close: () => Promise.resolve(),
      destroy: () => undefined,
    };
    return Promise.resolve(transport);
  };
  const driver: ForwardDriver = {
    technology: "ssh",
    open,
    close: () => Promise.resolve(),
    watch: (_service, _access, onChange) => {
      changed = onChange;
      return { [Symbol.dispose]: () => undefined };
    },
  };
  const run = (): Promise<ProbeResult> => {
    world.checks++;
    return Promise.resolve(
      world.checkFails
        ? { ok: false, code: world.checkFails, message: "no", phasesMs: {} }
        : { ok: true, by: "redis PING", phasesMs: {} },
    );
  };
  const spec = directService("cache", 1, { health_check: { type: "redis", interval: 10 }, ...keys });
  const world: World = {
    under: makeRuntime(spec, {
      clock,
      probes: { run },
      driver: () => Promise.resolve(driver),
      listen: async () => ({ host: "127.0.0.1", port: 4000, close: () => Promise.resolve() }),
    }),
    clock,
    dialFails: undefined,
    checkFails: undefined,
    dials: 0,
    checks: 0,
    lose: () => lost(new ConnectivityError("connection_lost", "cut")),
    targetChanged: () => changed(),
  };
  worlds.push(world);
  return world;
}

describe("[supervision-circuit] what cannot heal by itself", () => {
  test.each(["resource_missing", "credentials_rejected", "permission_denied"] as const)(
    "%s: two dials, then a trial now and then; at once when its cause changes",
    async (code) => {
      const world = makeWorld();
      world.dialFails = code;
      await world.under.runtime.start();
      await world.clock.advance(10_000);
      expect(world.dials).toBe(2);
      expect(world.under.runtime.condition.failure).toMatchObject({ code, facts: { circuit: "open" } });
      await world.clock.advance(10 * minute);
      expect(world.dials).toBeGreaterThanOrEqual(10);
      expect(world.dials).toBeLessThanOrEqual(14);
      const before = world.dials;
      world.dialFails = undefined;
      world.targetChanged();
      await world.clock.advance(1);
      expect(world.dials).toBe(before + 1);
      expect(world.under.runtime.condition.state).toBe("ready");
    },
  );

  test("a wrong password is not tried again and again: accounts lock", async () => {
    const world = makeWorld();
    world.checkFails = "application_auth_failed";
    await world.under.runtime.start();
    await world.clock.advance(10_000);
    expect(world.checks).toBe(2);
    await world.clock.advance(60 * minute);
    expect(world.checks).toBeLessThan(20);
    expect(world.under.runtime.condition.failure?.facts).toMatchObject({ circuit: "open", next_trial_s: 300 });
    // Asked again, it looks at once.
    world.checkFails = undefined;
    world.under.runtime.retry();
    await world.clock.advance(5000);
    expect(world.under.runtime.condition).toMatchObject({ state: "ready" });
    expect(world.under.runtime.condition.failure).toBeUndefined();
  });

  test("what may heal by itself is looked at soon", async () => {
    const world = makeWorld();
    world.checkFails = "application_unhealthy";
    await world.under.runtime.start();
    await world.clock.advance(10 * minute);
    expect(world.checks).toBeGreaterThan(100);
  });
});

describe("[supervision-reset] attempts", () => {
  test("a service that starts and then fails is paused after its attempts", async () => {
    const world = makeWorld({ restart_policy: { max_attempts: 3 } });
    world.checkFails = "connection_lost";
    await world.under.runtime.start();
    await world.clock.advance(10 * minute);
    expect(world.dials).toBe(3);
    expect(world.under.runtime.condition).toMatchObject({ state: "failed" });
    expect(world.under.runtime.condition.failure?.message).toContain("paused after 3 attempts");
  });

  test("one that was healthy for a while begins anew", async () => {
    const world = makeWorld({ restart_policy: { max_attempts: 3 } });
    await world.under.runtime.start();
    for (let round = 0; round < 10; round++) {
      await world.clock.advance(15_000);
      expect(world.under.runtime.condition.state).toBe("ready");
      world.lose();
      await world.clock.advance(1000);
    }
    expect(world.dials).toBe(11);
  });
});

describe("[supervision-waiting] a pod that is not there", () => {
  test("uses no attempts up, however long", async () => {
    const world = makeWorld({ restart_policy: { max_attempts: 2 } });
    world.dialFails = "scaled_to_zero";
    await world.under.runtime.start();
    await world.clock.advance(60 * minute);
    expect(world.dials).toBeLessThan(400);
    expect(world.under.runtime.condition).toMatchObject({ state: "waiting", failure: { code: "scaled_to_zero" } });
    world.dialFails = undefined;
    world.targetChanged();
    await world.clock.advance(1);
    expect(world.under.runtime.condition.state).toBe("ready");
  });
});

describe("[supervision-flapping] a service that drops again and again", () => {
  test("is found, told once, and forgotten when it calmed down", async () => {
    const world = makeWorld();
    const { runtime, changes } = world.under;
    await runtime.start();
    for (let round = 0; round < 6; round++) {
      await world.clock.advance(20_000);
      world.lose();
      await world.clock.advance(1000);
    }
    expect(runtime.condition.state).toBe("ready");
    expect(runtime.flapping).toMatchObject({ code: "flapping", facts: { drops: 6, causes: ["connection_lost"] } });
    expect(changes.filter((change) => change === "flapping")).toHaveLength(1);
    await world.clock.advance(11 * minute);
    expect(runtime.flapping).toBeUndefined();
  });
});
