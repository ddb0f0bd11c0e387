import { describe, expect, test } from "vitest";
import { Liveness, SharedLiveness } from "#adapters/kubernetes/wire/liveness.ts";
import { createSimulatedClock } from "../support/simulated-clock.ts";

const intervalMs = 3000;

/** Idle connections to one server; `answering` says which of them get answers. */
function connections(count: number, idle = (_index: number): boolean => true) {
  const clock = createSimulatedClock();
  const shared = new SharedLiveness();
  let asked = 0;
  const deadMs = new Map<number, number>();
  const answering = new Set(Array.from({ length: count }, (_, index) => index));
  const all = Array.from({ length: count }, (_, index) => {
    const dead = (): void => {
      if (!deadMs.has(index)) deadMs.set(index, clock.monotonicMs());
      one[Symbol.dispose]();
    };
    const one: Liveness = new Liveness({
      clock,
      intervalMs,
      idle: () => idle(index),
      shared,
      ping: () => {
        asked++;
        if (answering.has(index)) clock.after(20, () => one.heard());
      },
      sending: () => false,
      excused: () => false,
      onDoubt: () => idle(index) && dead(),
      onDead: dead,
    });
    return one;
  });
  return {
    clock,
    all,
    answering,
    deadMs,
    asked: () => asked,
    end: () => all.forEach((one) => one[Symbol.dispose]()),
  };
}

describe("whether a server is there", () => {
  test("[wire-pings] sixty idle connections ask little more than one of them would", async () => {
    const { clock, asked, deadMs, end } = connections(60);
    await clock.advance(60_000);
    expect(asked()).toBeLessThan(60 * 10);
    expect(deadMs.size).toBe(0);
    end();
  });

  test("[wire-pings] a server that dies is noticed on each of them within two intervals", async () => {
    const { clock, answering, deadMs, end } = connections(20, (index) => index % 2 === 0);
    await clock.advance(20_000);
    answering.clear();
    const diedMs = clock.monotonicMs();
    await clock.advance(2 * intervalMs + 100);
    expect([...deadMs.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    for (const atMs of deadMs.values()) expect(atMs - diedMs).toBeLessThanOrEqual(2 * intervalMs + 100);
    end();
  });

  test("[wire-pings] one that dies alone is noticed within two intervals when it is used, in four when it is idle", async () => {
    const { clock, answering, deadMs, end } = connections(10, (index) => index !== 1);
    await clock.advance(20_000);
    answering.delete(0);
    answering.delete(1);
    await clock.advance(2 * intervalMs + 100);
    expect(deadMs.has(1)).toBe(true);
    await clock.advance(2 * intervalMs);
    expect([...deadMs.keys()].toSorted((a, b) => a - b)).toEqual([0, 1]);
    end();
  });

  test("[wire-pings] the idle connections to a server that dies need not find it out one after the other", async () => {
    for (const count of [1, 2, 3, 8]) {
      for (let phaseMs = 0; phaseMs < 5000; phaseMs += 125) {
        const { clock, answering, deadMs, end } = connections(count);
        await clock.advance(20_000 + phaseMs);
        answering.clear();
        const diedMs = clock.monotonicMs();
        await clock.advance(2 * intervalMs);
        expect(deadMs.size).toBe(count);
        // A look, which one of them asks at, half of the doubt, then the doubt of those that were asked because of it.
        for (const atMs of deadMs.values()) expect(atMs - diedMs).toBeLessThan(4000);
        end();
      }
    }
  });

  test("[wire-pings] an idle one that died alone is found out by its first use", async () => {
    const { clock, all, answering, deadMs, end } = connections(10, (index) => index !== 0);
    await clock.advance(20_000);
    answering.delete(0);
    await clock.advance(1500);
    const usedMs = clock.monotonicMs();
    all[0]?.expect();
    await clock.advance(intervalMs + 500);
    expect((deadMs.get(0) ?? Number.POSITIVE_INFINITY) - usedMs).toBeLessThan(intervalMs + 500);
    end();
  });
});
