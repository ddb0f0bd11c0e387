import type { Clock } from "#application/ports/clock.ts";
import { sharedFromMs, SharedTimers } from "./shared-timers.ts";

/** Longer delays would fire at once (Node's timers are 32 bits of milliseconds). */
const longestDelayMs = 2 ** 31 - 1;

/** The machine's time and chance. */
export function createSystemClock(): Clock {
  const shared = new SharedTimers();
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after(ms, run, slackMs) {
      if (ms >= sharedFromMs && ms < longestDelayMs) return shared.after(ms, run, slackMs);
      const timer = setTimeout(run, Math.min(Math.max(ms, 0), longestDelayMs));
      timer.unref();
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
    random: () => Math.random(),
  };
}
