import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { watchMemory } from "../../src/server/daemon/memory-at-rest.ts";

describe("memory at rest", () => {
  test("what came and went together is collected once, and again only after the gap", async () => {
    const atMs: number[] = [];
    const collect = (): void => void atMs.push(performance.now());
    using memory = watchMemory({ busy: () => false, collect, restMs: 20, leastGapMs: 300 });
    memory.stirred();
    memory.stirred();
    await expect.poll(() => atMs.length).toBe(1);
    memory.stirred();
    await expect.poll(() => atMs.length, { timeout: 5000 }).toBe(2);
    // A timer may fire a millisecond early.
    expect((atMs[1] ?? 0) - (atMs[0] ?? 0)).toBeGreaterThan(298);
  });

  test("never while forwarded connections are open", async () => {
    let busy = true;
    let looked = 0;
    let collected = 0;
    using memory = watchMemory({
      busy: () => (looked++, busy),
      collect: () => collected++,
      restMs: 5,
      leastGapMs: 10,
    });
    memory.stirred();
    await expect.poll(() => looked).toBeGreaterThan(2);
    expect(collected).toBe(0);
    busy = false;
    await expect.poll(() => collected).toBe(1);
  });

  test("not after its end", async () => {
    let collected = 0;
    watchMemory({ busy: () => false, collect: () => collected++, restMs: 5 })[Symbol.dispose]();
    const memory = watchMemory({ busy: () => false, collect: () => collected++, restMs: 5 });
    memory.stirred();
    memory[Symbol.dispose]();
    await sleep(30);
    expect(collected).toBe(0);
  });

  test("the real collection frees what nobody holds", async () => {
    let freed = false;
    const registry = new FinalizationRegistry(() => (freed = true));
    (() => registry.register({ large: Array.from({ length: 1000 }) }, undefined))();
    using memory = watchMemory({ busy: () => false, restMs: 5 });
    memory.stirred();
    await expect.poll(() => freed, { timeout: 5000 }).toBe(true);
    expect("gc" in globalThis).toBe(false);
  });
});
