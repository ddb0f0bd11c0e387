import type { Clock } from "#application/ports/clock.ts";

/** The system's clock. Its timers never keep the process alive: sockets do. */
export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms).unref();
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
    random: () => Math.random(),
  };
}
