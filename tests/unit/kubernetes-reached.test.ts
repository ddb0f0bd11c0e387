import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import type { ForwardTarget } from "#adapters/kubernetes/wire/forward-error.ts";
import { Pace, reached } from "#adapters/kubernetes/wire/reached.ts";
import { createSimulatedClock } from "../support/simulated-clock.ts";

const target = { namespace: "default", pod: "web-0", port: 80 };

/** A far end that takes its time: to answer, and to refuse a port that nobody listens on. */
function way({ to = target }: { to?: ForwardTarget } = {}) {
  const clock = createSimulatedClock();
  const far = { answerMs: 5, refusalMs: 5, listening: new Set<number>(), takes: true, ends: false };
  const controls: number[] = [];
  let echoes = 0;
  const pace = new Pace();
  const later = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
  return {
    clock,
    far,
    controls,
    echoes: () => echoes,
    /** @returns the time that it took, once it is over */
    look: async (withinMs: number): Promise<number | undefined> => {
      const ending = new AbortController();
      const startedMs = clock.monotonicMs();
      let tookMs: number | undefined;
      const opened = async (): Promise<number> => {
        const sinceMs = clock.monotonicMs();
        await later(far.answerMs);
        return clock.monotonicMs() - sinceMs;
      };
      const echo = (): Promise<void> => {
        echoes++;
        return later(far.answerMs);
      };
      const open = ({ port }: ForwardTarget): Duplex => {
        if (!far.takes) throw new Error("takes no more");
        controls.push(port);
        const stream = new Duplex({ read: () => undefined });
        stream.on("error", () => undefined);
        if (!far.listening.has(port)) clock.after(far.refusalMs, () => stream.destroy(new Error("refused")));
        return stream;
      };
      reached({ clock, pace, target: to, opened, echo, open, ends: () => far.ends }, ending.signal).then(
        () => (tookMs = clock.monotonicMs() - startedMs),
        () => undefined,
      );
      await clock.advance(withinMs);
      ending.abort();
      await clock.advance(0);
      return tookMs;
    },
  };
}

describe("[wire-reached] when the silence of a stream means that its target has taken the connection", () => {
  test("soon where everything is quick; a closed port beside it is asked once for the whole way", async () => {
    const { look, controls, echoes } = way();
    for (let check = 0; check < 3; check++) expect(await look(1000)).toBeLessThan(250);
    expect(controls).toHaveLength(1);
    expect(echoes()).toBe(3);
  });

  test("never while the way carries nothing any more", async () => {
    const { look, far } = way();
    await look(1000);
    far.answerMs = 1e9;
    expect(await look(60_000)).toBeUndefined();
  });

  test("not before a refusal of a closed port has come, and long after it where that takes its time", async () => {
    const { look, far } = way();
    far.refusalMs = 600;
    expect(await look(10_000)).toBeGreaterThan(2 * far.refusalMs);
  });

  test("the closed port is asked again when answers are late, and each time then", async () => {
    const { look, far, controls } = way();
    await look(1000);
    far.answerMs = 150;
    far.refusalMs = 300;
    expect(await look(10_000)).toBeGreaterThan(2 * far.refusalMs);
    expect(controls.length).toBeGreaterThan(1);
    const before = controls.length;
    await look(10_000);
    expect(controls.length).toBeGreaterThan(before);
  });

  test("an answer that is late at the end counts too: it may have become busy meanwhile", async () => {
    const { look, far, clock, controls } = way();
    await look(1000);
    clock.after(100, () => {
      far.answerMs = 200;
      far.refusalMs = 500;
    });
    expect(await look(10_000)).toBeGreaterThan(far.refusalMs);
    expect(controls.length).toBeGreaterThan(1);
  });

  test("a pod that listens where nobody does, or is asked for just there, is asked elsewhere", async () => {
    const listens = way();
    listens.far.listening.add(1);
    expect(await listens.look(20_000)).toBeDefined();
    expect(listens.controls).toEqual([1, 2]);
    const asked = way({ to: { ...target, port: 1 } });
    expect(await asked.look(1000)).toBeDefined();
    expect(asked.controls).toEqual([2]);
  });

  test("a way that takes no more connections: after more silence", async () => {
    const { look, far, controls } = way();
    far.takes = false;
    expect(await look(10_000)).toBeGreaterThan(500);
    expect(controls).toEqual([]);
  });

  test("not when its end has come and is still to be explained", async () => {
    const { look, far } = way();
    far.ends = true;
    expect(await look(60_000)).toBeUndefined();
  });
});
