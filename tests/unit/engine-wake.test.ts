import { afterEach, describe, expect, test } from "vitest";
import { createLocalAddresses } from "#adapters/system/local-addresses.ts";
import { WakeDetector, type WakeReason } from "#application/engine/wake.ts";
import { wakeServices, wakeWords } from "#application/engine/wake-services.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { ProbeResult } from "#application/ports/probe.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { directService } from "../support/direct-driver.ts";
import { makeRuntime, type RuntimeUnderTest } from "../support/service-runtime.ts";
import { atRest, createSimulatedClock } from "../support/simulated-clock.ts";

describe("[wake] a pause and a change of network are noticed", () => {
  const addresses = { fingerprint: () => "eth0 10.0.0.2/24" };

  test("while time goes on evenly nothing is told", async () => {
    const clock = createSimulatedClock();
    const woken: WakeReason[] = [];
    using _detector = new WakeDetector(clock, addresses, (reason) => woken.push(reason));
    await clock.advance(3_600_000);
    expect(woken).toEqual([]);
  });

  test.each([
    ["the monotonic clock went on", 60_000, 60_000],
    ["only the wall clock did", 0, 60_000],
  ])("after a pause in which %s", async (_how, monotonicMs, wallMs) => {
    const clock = createSimulatedClock();
    const gap = { monotonicMs: 0, wallMs: 0 };
    const paused = {
      ...clock,
      monotonicMs: () => clock.monotonicMs() + gap.monotonicMs,
      nowMs: () => clock.nowMs() + gap.wallMs,
    };
    const woken: WakeReason[] = [];
    using _detector = new WakeDetector(paused, addresses, (reason) => woken.push(reason));
    await clock.advance(5000);
    Object.assign(gap, { monotonicMs, wallMs });
    await clock.advance(5000);
    expect(woken).toEqual([{ kind: "paused", ms: 60_000 }]);
    expect(wakeWords({ kind: "paused", ms: 60_000 })).toContain("60 s");
  });

  test("after a change of addresses, once", async () => {
    const clock = createSimulatedClock();
    let mine = "eth0 10.0.0.2/24";
    const woken: WakeReason[] = [];
    using _detector = new WakeDetector(clock, { fingerprint: () => mine }, (reason) => woken.push(reason));
    await clock.advance(5000);
    mine = "eth0 192.168.1.7/24";
    await clock.advance(10_000);
    expect(woken).toEqual([{ kind: "network" }]);
    expect(wakeWords({ kind: "network" })).toContain("network");
  });

  test("the addresses are this machine's own, and stay the same", () => {
    const own = createLocalAddresses();
    expect(own.fingerprint()).toBe(own.fingerprint());
    expect(own.fingerprint()).not.toMatch(/127\.0\.0\.1|fe80/);
  });
});

describe("[wake] what is up is verified at once", () => {
  const proof: ProbeResult = { ok: true, by: "redis PING", phasesMs: {} };
  const redis = { health_check: { type: "redis", interval: 30, timeout: 5 } };
  const listen = async () => ({ host: "127.0.0.1", port: 4000, close: () => Promise.resolve() });
  const transport = (): Transport => ({
    via: "memory",
    facts: () => ({}),
    connect: () => Promise.reject(new ConnectivityError("target_unreachable", "gone")),
    closed: new Promise(() => undefined),
    close: () => Promise.resolve(),
    destroy: () => undefined,
  });
  const made: RuntimeUnderTest[] = [];
  afterEach(async () => {
    for (const under of made.splice(0)) await under[Symbol.asyncDispose]();
  });

  /** A runtime over a driver whose dials and checks are counted. */
  function world(open: () => Promise<Transport>, check: () => Promise<ProbeResult>) {
    const clock = createSimulatedClock();
    const counts = { opens: 0, checks: 0, verified: 0 };
    const driver: ForwardDriver = {
      technology: "ssh",
      open: () => (counts.opens++, open()),
      verify: () => Promise.resolve(void counts.verified++),
      close: () => Promise.resolve(),
    };
    const load = (): Promise<ForwardDriver> => Promise.resolve(driver);
    const probes = { run: () => (counts.checks++, check()) };
    const under = makeRuntime(directService("cache", 1, redis), { clock, listen, driver: load, probes });
    made.push(under);
    return { clock, counts, runtime: under.runtime, wake: () => wakeServices([under.runtime], load) };
  }

  test("the driver looks at what it holds, then the path is checked; what passes stays", async () => {
    const { runtime, counts, wake } = world(
      () => Promise.resolve(transport()),
      () => Promise.resolve(proof),
    );
    await runtime.start();
    await atRest();
    wake();
    await atRest();
    expect(counts).toEqual({ opens: 1, checks: 2, verified: 1 });
    expect(runtime.condition.state).toBe("ready");
  });

  test("a path that is stale is dialled anew at once, after one check", async () => {
    let stale = false;
    const { runtime, counts, wake } = world(
      () => Promise.resolve(transport()),
      () => {
        const late: ProbeResult = { ok: false, code: "operation_timed_out", message: "late", phasesMs: {} };
        return Promise.resolve(stale && counts.opens === 1 ? late : proof);
      },
    );
    await runtime.start();
    await atRest();
    stale = true;
    wake();
    await atRest();
    expect(counts.opens).toBe(2);
    expect(runtime.condition.state).toBe("ready");
  });

  test("a check that was on its way says nothing about now", async () => {
    const answers: ((result: ProbeResult) => void)[] = [];
    const { runtime, counts, wake } = world(
      () => Promise.resolve(transport()),
      () => new Promise((resolve) => answers.push(resolve)),
    );
    await runtime.start();
    await atRest();
    wake();
    await atRest();
    expect(counts.checks).toBe(2);
    answers[0]?.({ ok: false, code: "operation_timed_out", message: "of before", phasesMs: {} });
    answers[1]?.(proof);
    await atRest();
    expect(counts.opens).toBe(1);
    expect(runtime.condition.state).toBe("ready");
  });

  test("a link that waits is dialled at once, and a dial that hangs begins anew", async () => {
    let hang = false;
    const { runtime, counts, wake, clock } = world(
      () => {
        if (hang) return new Promise(() => undefined);
        if (counts.opens < 8) return Promise.reject(new ConnectivityError("host_unreachable", "no network"));
        return Promise.resolve(transport());
      },
      () => Promise.resolve(proof),
    );
    await runtime.start();
    await clock.advance(6000);
    const before = counts.opens;
    hang = true;
    wake();
    await atRest();
    expect(counts.opens).toBe(before + 1);
    hang = false;
    counts.opens = 10;
    wake();
    await atRest();
    expect(runtime.condition.state).toBe("ready");
  });

  test("what is not wanted is left alone", async () => {
    const { counts, wake } = world(
      () => Promise.resolve(transport()),
      () => Promise.resolve(proof),
    );
    wake();
    await atRest();
    expect(counts).toEqual({ opens: 0, checks: 0, verified: 0 });
  });
});
