import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { historyLimits } from "#adapters/sqlite/history-store.ts";
import { openStores } from "#adapters/sqlite/open-stores.ts";
import type { HistoryBatch, HistoryEvent } from "#application/ports/history-store.ts";
import type { Stores } from "#application/ports/stores.ts";

const hour = 3_600_000;
const empty: HistoryBatch = { events: [], connections: [], hours: [], lastReady: [] };
const event = (id: number, over: Partial<HistoryEvent> = {}): HistoryEvent => ({
  id,
  atMs: id * 1000,
  workspace: "/w",
  service: "db",
  kind: "state",
  text: `event ${id}`,
  ...over,
});
const zeros = {
  workspace: "/w",
  service: "db",
  wantedMs: 0,
  readyMs: 0,
  drops: 0,
  checks: 0,
  checksFailed: 0,
  checkMsSum: 0,
  checkMsMax: 0,
  connections: 0,
  bytesUp: 0,
  bytesDown: 0,
};

describe("HistoryStore in SQLite", () => {
  let folder = "";
  let stores: Stores;
  const reopen = (): void => {
    stores.close();
    stores = openStores(join(folder, "state.db"));
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pw-history-"));
    stores = openStores(join(folder, "state.db"));
  });
  afterEach(() => {
    stores.close();
    rmSync(folder, { recursive: true });
  });

  test("events outlive the process, newest first, by page, service, kind, time, text and code", () => {
    const events = [
      event(1, { change: { from: "starting", to: "ready" } }),
      event(2, { service: "cache", kind: "link", text: "Local PORT moved" }),
      event(3, { code: "pod_gone", untrusted: "said the pod", change: { from: "ready", to: "waiting" } }),
      event(4, { workspace: "/other" }),
      event(5, { service: "", kind: "config", by: "claude-code" }),
    ];
    stores.history.write({ ...empty, events });
    reopen();
    const ids = (filter: object, page = { limit: 10 }): number[] =>
      stores.history.events({ workspace: "/w", ...filter }, page).rows.map(({ id }) => id);
    expect(stores.history.lastEventId()).toBe(5);
    expect(stores.history.events({ workspace: "/w" }, { limit: 1 })).toEqual({ rows: [events[4]], total: 4 });
    expect(stores.history.events({ workspace: "/w", service: "db" }, { limit: 9 }).rows).toEqual([
      events[2],
      events[0],
    ]);
    expect(ids({}, { limit: 2, beforeId: 5 } as { limit: number })).toEqual([3, 2]);
    expect(ids({ kinds: ["link", "config"] })).toEqual([5, 2]);
    expect(ids({ kinds: [] })).toEqual([]);
    expect(ids({ sinceMs: 2000, untilMs: 3000 })).toEqual([3, 2]);
    expect(ids({ match: "port" })).toEqual([2]);
    expect(ids({ match: "pod_gone" })).toEqual([3]);
    expect(ids({ match: "%" })).toEqual([]);
    expect(ids({ match: "' OR 1=1 --" })).toEqual([]);
    expect(stores.history.recordedFrom("/w")).toBe(1000);
    expect(stores.history.recordedFrom("/nowhere")).toBeUndefined();
  });

  test("the states at a moment are the last changes until then", () => {
    const change = (from: "ready" | "waiting" | "starting", to: "ready" | "waiting") => ({ change: { from, to } });
    const events = [
      event(1, change("starting", "ready")),
      event(2, { ...change("starting", "ready"), service: "cache" }),
      event(3, change("ready", "waiting")),
      event(4, { kind: "link" }),
      event(9, change("waiting", "ready")),
    ];
    stores.history.write({ ...empty, events });
    const at = (atMs: number) => stores.history.statesAt("/w", atMs).map(({ service, change: c }) => [service, c?.to]);
    expect(at(500)).toEqual([]);
    expect(at(5000)).toEqual([
      ["cache", "ready"],
      ["db", "waiting"],
    ]);
    expect(at(9000)).toEqual([
      ["cache", "ready"],
      ["db", "ready"],
    ]);
  });

  test("connections and hours add up; the last time ready is the newest", () => {
    const connection = { atMs: 5, workspace: "/w", service: "db", bytesUp: 1, bytesDown: 2, durationMs: 3 };
    stores.history.write({
      ...empty,
      connections: [
        { ...connection, ended: "closed", client: { pid: 42, program: "psql" }, firstByteMs: 4 },
        { atMs: 5, workspace: "/w", service: "db", durationMs: 3, ended: "reset_by_target" },
      ],
      hours: [{ ...zeros, hourMs: hour, checks: 2, checkMsSum: 30, checkMsMax: 20, readyMs: 1000, drops: 1 }],
      lastReady: [{ workspace: "/w", service: "db", atMs: 7, by: "redis PING" }],
    });
    stores.history.write({
      ...empty,
      hours: [
        { ...zeros, hourMs: hour, checks: 1, checkMsSum: 5, checkMsMax: 5 },
        { ...zeros, hourMs: 2 * hour, drops: 3 },
      ],
      lastReady: [{ workspace: "/w", service: "db", atMs: 9, by: "tcp" }],
    });
    reopen();
    const found = stores.history.connections({ workspace: "/w" }, { limit: 5 });
    expect(found.total).toBe(2);
    expect(found.rows[1]).toMatchObject({ client: { pid: 42, program: "psql" }, firstByteMs: 4, ended: "closed" });
    expect(found.rows[1]).toMatchObject({ bytesUp: 1, bytesDown: 2 });
    for (const side of ["bytesUp", "bytesDown"]) expect(found.rows[0]).not.toHaveProperty(side);
    expect(stores.history.connections({ workspace: "/w", match: "PSQL" }, { limit: 5 }).total).toBe(1);
    expect(stores.history.connections({ workspace: "/w", match: "reset_by_target" }, { limit: 5 }).total).toBe(1);
    expect(stores.history.hours("/w", hour)).toEqual([
      { ...zeros, hourMs: hour, checks: 3, checkMsSum: 35, checkMsMax: 20, readyMs: 1000, drops: 1 },
      { ...zeros, hourMs: 2 * hour, drops: 3 },
    ]);
    expect(stores.history.hours("/w", 2 * hour, "db")).toHaveLength(1);
    expect(stores.history.hours("/w", 0, "cache")).toEqual([]);
    expect(stores.history.lastReady("/w", "db")).toMatchObject({ atMs: 9, by: "tcp" });
    expect(stores.history.lastReady("/w", "cache")).toBeUndefined();
  });

  test("[history-bounded] what is old or too much goes", () => {
    const nowMs = historyLimits.ageMs + 10_000;
    const many = Array.from({ length: historyLimits.events + 100 }, (_, n) => event(n + 1, { atMs: nowMs }));
    stores.history.write({ ...empty, events: [...many], hours: [{ ...zeros, hourMs: 0 }] });
    stores.history.write({ ...empty, events: [event(many.length + 1, { atMs: 5000 })] });
    stores.history.prune(nowMs);
    const found = stores.history.events({ workspace: "/w" }, { limit: 1 });
    expect(found.total).toBe(historyLimits.events - 1);
    expect(found.rows[0]?.id).toBe(many.length);
    expect(stores.history.hours("/w", 0)).toEqual([]);
  });
});
