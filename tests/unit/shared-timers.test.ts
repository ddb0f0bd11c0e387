import { describe, expect, test, vi } from "vitest";
import { SharedTimers } from "#adapters/system/shared-timers.ts";

describe("shared timers", () => {
  test("run together within a slot, never early; a cancelled one does not run, and none is left", async () => {
    vi.useFakeTimers();
    try {
      const timers = new SharedTimers();
      const ran: string[] = [];
      const startedMs = performance.now();
      for (let count = 0; count < 500; count++)
        timers.after(1000 + (count % 100), () => {
          ran.push("one");
          if (performance.now() - startedMs < 1000 + (count % 100)) ran.push("early");
        });
      expect(timers.size).toBeLessThanOrEqual(3);
      const cancelled = timers.after(5000, () => ran.push("cancelled"));
      const first = timers.after(2000, () => second[Symbol.dispose]());
      const second = timers.after(2000, () => ran.push("cancelled by another"));
      cancelled[Symbol.dispose]();
      cancelled[Symbol.dispose]();
      await vi.advanceTimersByTimeAsync(10_000);
      first[Symbol.dispose]();
      expect(ran.filter((what) => what === "one")).toHaveLength(500);
      expect(ran).toHaveLength(500);
      expect(timers.size).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test("with slack they meet in few moments, within their windows", async () => {
    vi.useFakeTimers();
    try {
      const timers = new SharedTimers();
      const outside: number[] = [];
      let ran = 0;
      for (let count = 0; count < 100; count++) {
        const fromMs = performance.now();
        const slackMs = count % 2 === 0 ? 1000 : 700;
        timers.after(
          9000,
          () => {
            ran++;
            const afterMs = performance.now() - fromMs;
            if (afterMs < 9000 || afterMs > 9000 + slackMs) outside.push(afterMs);
          },
          slackMs,
        );
        await vi.advanceTimersByTimeAsync(17);
      }
      expect(timers.size).toBeLessThanOrEqual(5);
      await vi.advanceTimersByTimeAsync(10_000);
      expect({ ran, outside }).toEqual({ ran: 100, outside: [] });
    } finally {
      vi.useRealTimers();
    }
  });

  test("one that starts another in the same slot has it run later", async () => {
    vi.useFakeTimers();
    try {
      const timers = new SharedTimers();
      let ran = 0;
      timers.after(1000, () => timers.after(1000, () => void ran++));
      await vi.advanceTimersByTimeAsync(1200);
      expect(ran).toBe(0);
      await vi.advanceTimersByTimeAsync(1200);
      expect(ran).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });
});
