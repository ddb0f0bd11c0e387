import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoffDelayMs } from "#domain/backoff.ts";
import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import { exportedVariables } from "#domain/exports.ts";
import { editDistance, nearestName } from "#domain/names.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import { startOrder } from "#domain/dependency-order.ts";
import { humanDuration, isoInZone, parseMoment } from "#domain/time.ts";
import { parseDurationMs } from "#domain/duration.ts";

describe("backoff", () => {
  const policy = { enabled: true, maxAttempts: undefined, initialDelayMs: 1000, multiplier: 2, maxDelayMs: 30_000 };
  test("grows by the multiplier up to the ceiling, and jitter only shortens it by at most half", () => {
    expect([1, 2, 3, 6, 500].map((attempt) => backoffDelayMs(policy, attempt, 0))).toEqual([
      1000, 2000, 4000, 30_000, 30_000,
    ]);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, random) => {
          const delayMs = backoffDelayMs(policy, attempt, random);
          const fullMs = backoffDelayMs(policy, attempt, 0);
          expect(delayMs).toBeLessThanOrEqual(fullMs);
          expect(delayMs).toBeGreaterThanOrEqual(Math.floor(fullMs / 2));
        },
      ),
    );
  });
});

describe("start order", () => {
  test("puts dependencies first, once, and takes in what was not named", () => {
    const graph: Record<string, string[]> = { web: ["api", "cache"], api: ["cache"], cache: [] };
    expect(startOrder(["web"], (name) => graph[name] ?? [])).toEqual(["cache", "api", "web"]);
  });
  test("ends on a cycle", () => {
    const graph: Record<string, string[]> = { a: ["b"], b: ["a"] };
    expect(startOrder(["a"], (name) => graph[name] ?? [])).toEqual(["a", "b"]);
  });
});

describe("names", () => {
  test("the nearest is found within a third, and nothing is made up", () => {
    expect(nearestName("paymnets", ["payments", "orders"])).toBe("payments");
    expect(nearestName("xyz", ["payments", "orders"])).toBeUndefined();
  });
  test("the distance is symmetric, zero only for equal words, and bounded", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (left, right) => {
        const distance = editDistance(left, right, 5);
        expect(distance).toBe(editDistance(right, left, 5));
        expect(distance === 0).toBe(left === right);
        expect(distance).toBeLessThanOrEqual(6);
      }),
    );
  });
});

describe("times", () => {
  const nowMs = Date.UTC(2026, 10, 23, 9, 2, 20);
  test("are written with the offset of the client's zone", () => {
    expect(isoInZone(nowMs, "Europe/Berlin")).toBe("2026-11-23T10:02:20+01:00");
    expect(isoInZone(nowMs, "UTC")).toBe("2026-11-23T09:02:20Z");
    expect(isoInZone(nowMs, "Asia/Kolkata")).toBe("2026-11-23T14:32:20+05:30");
    expect(isoInZone(nowMs, "Nowhere/AtAll")).toBe("2026-11-23T09:02:20Z");
  });
  test("without a zone are those of this machine", () => {
    const offset = -new Date(nowMs).getTimezoneOffset();
    expect(Date.parse(isoInZone(nowMs))).toBe(nowMs);
    expect(isoInZone(nowMs).endsWith("Z")).toBe(offset === 0);
  });
  test("of a clock hold over a change to winter time", () => {
    // Berlin put its clocks back at 03:00 on 2026-10-25.
    const noonMs = Date.UTC(2026, 9, 25, 11);
    expect(parseMoment("01:30", noonMs, "Europe/Berlin")).toBe(Date.UTC(2026, 9, 24, 23, 30));
    expect(parseMoment("11:30", noonMs, "Europe/Berlin")).toBe(Date.UTC(2026, 9, 25, 10, 30));
  });
  test("are read as ages, clock times of the zone, and ISO", () => {
    expect(parseMoment("1h", nowMs)).toBe(nowMs - 3_600_000);
    expect(parseMoment("10:02", nowMs, "Europe/Berlin")).toBe(nowMs - 20_000);
    expect(parseMoment("10:03", nowMs, "Europe/Berlin")).toBe(nowMs + 40_000 - 86_400_000);
    expect(parseMoment("2026-11-23T10:02:20+01:00", nowMs)).toBe(nowMs);
    for (const wrong of ["", "soon", "25:00", "1 year", "99"]) expect(parseMoment(wrong, nowMs)).toBeUndefined();
  });
  test.each([
    [400, "0.4 s"],
    [12_000, "12 s"],
    [300_000, "5 min"],
    [7_800_000, "2 h 10 min"],
    [187_200_000, "2 d 4 h"],
  ])("%i ms is %s for people", (ms, text) => expect(humanDuration(ms)).toBe(text));
  test("durations of the configuration", () => {
    expect([parseDurationMs("30s"), parseDurationMs("500ms"), parseDurationMs(2), parseDurationMs("1.5h")]).toEqual([
      30_000, 500, 2000, 5_400_000,
    ]);
    expect([parseDurationMs("soon"), parseDurationMs(-1), parseDurationMs(Number.NaN)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("exports", () => {
  test("fill in the local end, and never show what a reference stands for", () => {
    const service = {
      name: "db",
      exports: { URL: "postgres://app@${host}:${port}/app", SECRET: "x:${env:DB_PASSWORD}@${host}" },
    };
    expect(exportedVariables(service, { host: "127.0.0.1", port: 5432 })).toEqual([
      { name: "URL", service: "db", value: "postgres://app@127.0.0.1:5432/app" },
      { name: "SECRET", service: "db", secret: { from: "x:${env:DB_PASSWORD}@127.0.0.1", given_by: "portwright run" } },
    ]);
  });
});

describe("errors", () => {
  test("anything thrown becomes a coded error, its text does not become ours", () => {
    const foreign = toConnectivityError(new TypeError("token=s3cret"));
    expect(foreign.code).toBe("internal_error");
    expect(JSON.stringify(foreign.toFailure())).not.toContain("s3cret");
    const aborted = toConnectivityError(new DOMException("stop", "AbortError"));
    expect(aborted.code).toBe("cancelled");
    const ours = new ConnectivityError("host_unreachable", "no route", { host: "b" });
    expect(toConnectivityError(ours)).toBe(ours);
  });
});

describe("remedies", () => {
  test("quote what came from a configuration, so that a pasted command does one thing only", () => {
    const [remedy] = remediesFor({
      code: "host_key_unknown",
      message: "unknown",
      facts: { host: "b; rm -rf ~", port: 22 },
    });
    expect(remedy?.command).toBe("ssh 'b; rm -rf ~' true");
  });
});
