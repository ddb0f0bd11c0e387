import { afterEach, describe, expect, test } from "vitest";
import { EventLog } from "#application/engine/event-log.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { ProbeResult } from "#application/ports/probe.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { directService } from "../support/direct-driver.ts";
import { makeRuntime, type RuntimeUnderTest } from "../support/service-runtime.ts";
import { atRest, createSimulatedClock } from "../support/simulated-clock.ts";

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
const driverThat = (open: ForwardDriver["open"]): (() => Promise<ForwardDriver>) => {
  const driver: ForwardDriver = { technology: "ssh", open, close: () => Promise.resolve() };
  return () => Promise.resolve(driver);
};

const made: RuntimeUnderTest[] = [];
const run = (...args: Parameters<typeof makeRuntime>): RuntimeUnderTest => {
  const under = makeRuntime(...args);
  made.push(under);
  return under;
};
afterEach(async () => {
  for (const under of made.splice(0)) await under[Symbol.asyncDispose]();
});

describe("what hangs", () => {
  test("a dial that heeds nothing is given up after its time, and tried again", async () => {
    const clock = createSimulatedClock();
    let opens = 0;
    const driver = driverThat(() => (++opens === 1 ? new Promise(() => undefined) : Promise.resolve(transport())));
    const probes = { run: () => Promise.resolve(proof) };
    const { runtime } = run(directService("cache", 1, redis), { clock, listen, driver, probes });
    await runtime.start();
    await clock.advance(19_900);
    expect(runtime.condition.state).toBe("starting");
    await clock.advance(200);
    expect(runtime.condition.failure?.code).toBe("operation_timed_out");
    await clock.advance(1000);
    expect(runtime.condition.state).toBe("ready");
    await runtime.stop();
    expect(clock.pending).toBe(0);
  });

  test("a check that heeds nothing ends ready: what was known is not true for ever", async () => {
    const clock = createSimulatedClock();
    let checks = 0;
    const probes = { run: () => (++checks === 1 ? Promise.resolve(proof) : new Promise<ProbeResult>(() => undefined)) };
    const driver = driverThat(() => Promise.resolve(transport()));
    const { runtime } = run(directService("cache", 1, redis), { clock, listen, driver, probes });
    await runtime.start();
    await clock.advance(1);
    expect(runtime.condition.state).toBe("ready");
    await clock.advance(37_000);
    expect(runtime.condition).toMatchObject({ state: "failed", failure: { code: "operation_timed_out" } });
    await runtime.stop();
    // The one that hangs is waited for no longer either.
    await clock.advance(1000);
    expect(clock.pending).toBe(0);
  });
});

describe("checks", () => {
  test("one that passes proves nothing about a connection that failed meanwhile: it is made once more", async () => {
    const clock = createSimulatedClock();
    const answers: ((result: ProbeResult) => void)[] = [];
    const probes = { run: () => new Promise<ProbeResult>((resolve) => answers.push(resolve)) };
    let onConnection: Parameters<NonNullable<Parameters<typeof makeRuntime>[1]>["listen"] & object>[1] | undefined;
    const { runtime } = run(directService("cache", 1, redis), {
      clock,
      probes,
      driver: driverThat(() => Promise.resolve(transport())),
      listen: (_service, accept) => {
        onConnection = accept;
        return listen();
      },
    });
    await runtime.start();
    await atRest();
    answers.shift()?.(proof);
    await atRest();
    expect(runtime.condition.state).toBe("ready");
    for (let second = 0; second < 30 && answers.length === 0; second++) await clock.advance(1000);
    expect(answers).toHaveLength(1);
    onConnection?.({
      id: 1,
      reset: () => undefined,
      onGone: () => undefined,
      relay: () => new Promise(() => undefined),
    });
    await atRest();
    expect(runtime.condition.state).toBe("failed");
    answers.shift()?.(proof);
    await atRest();
    expect(runtime.condition.state).toBe("failed");
    expect(answers).toHaveLength(1);
    answers.shift()?.({ ok: false, code: "target_unreachable", message: "gone", phasesMs: {} });
    await atRest();
    expect(runtime.condition).toMatchObject({ state: "failed", failure: { code: "target_unreachable" } });
  });

  test("attempts before a stable time are not held against the service an hour later", async () => {
    const clock = createSimulatedClock();
    const lose: ((cause: ConnectivityError) => void)[] = [];
    let refusals = 2;
    const driver = driverThat(() => {
      if (refusals-- > 0) return Promise.reject(new ConnectivityError("host_unreachable", "no answer"));
      const { promise, resolve } = Promise.withResolvers<ConnectivityError>();
      lose.push(resolve);
      return Promise.resolve({ ...transport(), closed: promise });
    });
    const probes = { run: () => Promise.resolve(proof) };
    const keys = { ...redis, restart_policy: { max_attempts: 3 } };
    const { runtime } = run(directService("cache", 1, keys), { clock, listen, driver, probes });
    await runtime.start();
    await clock.advance(3_600_000);
    expect(runtime.condition.state).toBe("ready");
    refusals = 2;
    lose.at(-1)?.(new ConnectivityError("connection_lost", "cut"));
    await clock.advance(10_000);
    expect(runtime.condition.state).toBe("ready");
  });
});

describe("the events", () => {
  test("connections that end in great numbers push no change of state out, and ids stay in order", () => {
    const log = new EventLog();
    const event = { workspace: "w", service: "s", atMs: 1, text: "x" };
    log.add({ ...event, kind: "state" });
    for (let count = 0; count < 5000; count++) log.add({ ...event, kind: "connection" });
    log.add({ ...event, kind: "state" });
    const all = log.all("w");
    expect(all.length).toBeLessThan(600);
    expect(all.filter(({ kind }) => kind === "state").map(({ id }) => id)).toEqual([1, 5002]);
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted((left, right) => left - right));
    expect(log.lastId).toBe(5002);
  });
});
