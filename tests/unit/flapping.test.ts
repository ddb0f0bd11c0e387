import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { afterDrop, at, flappingFinding, flappingWindowMs, steady, type Steadiness } from "#domain/flapping.ts";

const drops = (...timesMs: number[]): Steadiness =>
  timesMs.reduce((before, atMs) => afterDrop(before, { atMs, code: "connection_lost" }), steady);

describe("[supervision-flapping] flapping", () => {
  test("is found at the fourth drop in ten minutes, with its evidence", () => {
    expect(flappingFinding(drops(0, 1000, 2000), 2000)).toBeUndefined();
    const many = afterDrop(drops(0, 1000, 2000), { atMs: 3000, code: "target_unreachable" });
    expect(flappingFinding(many, 4000)).toMatchObject({
      code: "flapping",
      facts: { drops: 4, window_s: 600, causes: ["connection_lost", "target_unreachable"], since_ms: 3000 },
    });
  });

  test("drops that are far apart are none", () => {
    expect(
      flappingFinding(drops(0, flappingWindowMs, 2 * flappingWindowMs, 3 * flappingWindowMs), 1e9),
    ).toBeUndefined();
  });

  test("ends when it has calmed down, not with the first quiet minute", () => {
    const flaps = drops(0, 60_000, 120_000, 180_000);
    expect(flappingFinding(flaps, flappingWindowMs + 60_000)).toBeDefined();
    expect(flappingFinding(flaps, flappingWindowMs + 130_000)).toBeUndefined();
    expect(at(flaps, 10 * flappingWindowMs)).toEqual(steady);
  });

  test("keeps little, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60_000), { maxLength: 300 }), (gaps) => {
        let atMs = 0;
        let known = steady;
        for (const gap of gaps) known = afterDrop(known, { atMs: (atMs += gap), code: "pod_gone" });
        expect(known.drops.length).toBeLessThanOrEqual(50);
        expect(known.drops.every((drop) => atMs - drop.atMs < flappingWindowMs)).toBe(true);
      }),
    );
  });
});
