import type { Clock } from "#application/ports/clock.ts";

/** Time that stands still until a test moves it; chance is fixed. */
export interface SimulatedClock extends Clock {
  /** Timers that wait. */
  readonly pending: number;
  /** Moves on, runs what falls due in order, and lets what it started come to rest after each. */
  advance(ms: number): Promise<void>;
}

/** Lets promises and streams that hang on no timer come to rest. */
export async function atRest(turns = 12): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export function createSimulatedClock(startMs = Date.UTC(2026, 0, 1)): SimulatedClock {
  const timers = new Set<{ readonly dueMs: number; readonly run: () => void }>();
  let elapsedMs = 0;
  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    random: () => 0.5,
    after(ms, run) {
      const timer = { dueMs: elapsedMs + Math.max(ms, 0), run };
      timers.add(timer);
      return { [Symbol.dispose]: () => void timers.delete(timer) };
    },
    get pending() {
      return timers.size;
    },
    async advance(ms) {
      const untilMs = elapsedMs + ms;
      await atRest();
      for (;;) {
        const [next] = [...timers].filter(({ dueMs }) => dueMs <= untilMs).toSorted((a, b) => a.dueMs - b.dueMs);
        if (!next) break;
        timers.delete(next);
        elapsedMs = Math.max(elapsedMs, next.dueMs);
        next.run();
        await atRest();
      }
      elapsedMs = untilMs;
    },
  };
}
