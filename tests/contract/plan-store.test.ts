/** What the store of plans and generations promises, over SQLite. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStores } from "#adapters/sqlite/open-stores.ts";
import type { Stores } from "#application/ports/stores.ts";
import type { Plan } from "#domain/plan/plan.ts";

let folder: string;
let stores: Stores;
const open = (): Stores => openStores(join(folder, "state.db"));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "portwright-plans-"));
  stores = open();
});
afterEach(() => {
  stores.close();
  rmSync(folder, { recursive: true });
});

const workspace = "/w/portwright.yaml";
const generation = (digest: string) => ({
  workspace,
  atMs: 1,
  digest,
  origin: "file" as const,
  by: "file",
  summary: "s",
});
const plan = (id: string, createdMs = 1): Plan => ({
  id,
  workspace,
  createdMs,
  expiresMs: createdMs + 900_000,
  by: "tester",
  baseGeneration: 1,
  baseDigest: "b",
  digest: "d",
  source: { kind: "edit", changes: [] },
  changes: [],
  impact: { starts: [], restarts: [], stops: [], untouched: 0, breaks_connections: 0, other_clients: [], env: [] },
  risk: "low",
  reasons: [],
  summary: "s",
  confirm: "c",
  starts: [],
  trust: "",
});

test("generations are numbered, kept sealed, and one is in force, also after a restart", () => {
  const { plans } = stores;
  expect(plans.inForce(workspace)).toBeUndefined();
  expect(plans.addGeneration(generation("one"), "password: hunter2")).toBe(1);
  expect(plans.addGeneration(generation("two"), "text two")).toBe(2);
  expect(plans.addGeneration({ ...generation("x"), workspace: "/other" }, "x")).toBe(1);
  stores.close();
  for (const file of ["state.db", "generations.key"])
    expect(readFileSync(join(folder, file)).includes("hunter2")).toBe(false);
  expect(statSync(join(folder, "generations.key")).mode & 0o777).toBe(0o600);
  stores = open();
  expect(stores.plans.inForce(workspace)).toMatchObject({
    generation: { number: 2, digest: "two", rolledBack: false },
    text: "text two",
  });
  expect(stores.plans.textOf(workspace, 1)).toBe("password: hunter2");
  stores.plans.goBack(workspace, 1, { digest: "two", reason: "why" });
  expect(stores.plans.inForce(workspace)).toMatchObject({
    generation: { number: 1 },
    refused: { digest: "two", reason: "why" },
  });
  expect(stores.plans.generations(workspace, 9).map(({ number, rolledBack }) => [number, rolledBack])).toEqual([
    [2, true],
    [1, false],
  ]);
  stores.plans.clearRefused(workspace);
  expect(stores.plans.inForce(workspace)).not.toHaveProperty("refused");
});

test("they are bounded by number and size; the one in force stays", () => {
  const { plans } = stores;
  for (let index = 1; index <= 130; index++) plans.addGeneration(generation(`d${index}`), `text ${index}`);
  expect(plans.generations(workspace, 1000).map(({ number }) => number)).toEqual(
    Array.from({ length: 100 }, (_, index) => 130 - index),
  );
  const large = randomBytes(700_000).toString("hex");
  for (let index = 0; index < 4; index++) plans.addGeneration(generation(`large${index}`), large);
  expect(plans.generations(workspace, 1000).length).toBeLessThanOrEqual(3);
  expect(plans.inForce(workspace)?.text).toBe(large);
});

test("a key that is gone loses the texts and nothing else", () => {
  stores.plans.addGeneration(generation("one"), "text");
  stores.plans.savePlan(plan("add-a-0001"));
  stores.close();
  writeFileSync(join(folder, "generations.key"), randomBytes(32));
  stores = open();
  expect(stores.plans.inForce(workspace)).toMatchObject({ generation: { number: 1 } });
  expect(stores.plans.inForce(workspace)).not.toHaveProperty("text");
  expect(stores.plans.textOf(workspace, 1)).toBeUndefined();
  expect(stores.plans.plan("add-a-0001")).toBeUndefined();
  expect(stores.plans.openPlans(workspace)).toEqual([]);
});

test("a plan is kept as it was shown, and approved by its digest alone", () => {
  const { plans } = stores;
  plans.savePlan(plan("add-a-0001"));
  plans.savePlan(plan("add-b-0002", 2));
  expect(plans.plan("add-a-0001")).toEqual({ plan: plan("add-a-0001"), state: "open" });
  expect(plans.openPlans(workspace).map(({ plan: { id } }) => id)).toEqual(["add-b-0002", "add-a-0001"]);
  expect(plans.approve("add-a-0001", "other", 5)).toBe(false);
  expect(plans.approve("add-a-0001", "d", 5)).toBe(true);
  expect(plans.plan("add-a-0001")?.approval).toEqual({ digest: "d", atMs: 5 });
  plans.setPlanState("add-a-0001", "dropped");
  expect(plans.approve("add-a-0001", "d", 6)).toBe(false);
  expect(plans.openPlans(workspace)).toHaveLength(1);
  for (let index = 0; index < 250; index++) plans.savePlan(plan(`p-${index}`, 10 + index));
  expect(plans.plan("add-b-0002")).toBeUndefined();
  expect(plans.openPlans(workspace)).toHaveLength(200);
});

test("an application is a journal until it is through, and then all of it at once", () => {
  const { plans, state } = stores;
  const holder = { clientId: "c", clientName: "c" };
  state.setWanted({ workspace, service: "gone" }, holder, 1);
  state.setWanted({ workspace, service: "stays" }, holder, 1);
  plans.addGeneration(generation("one"), "text");
  plans.savePlan(plan("add-a-0001"));
  const journal = { plan: "add-a-0001", workspace, digest: "two", baseGeneration: 1, before: "text", started: ["a"] };
  plans.beginApply(journal);
  expect(plans.journals()).toEqual([journal]);
  expect(plans.plan("add-a-0001")?.state).toBe("applying");
  expect(
    plans.commitApply(journal, { ...generation("two"), origin: "plan" }, "text two", [{ workspace, service: "gone" }]),
  ).toBe(2);
  expect(plans.journals()).toEqual([]);
  expect(plans.plan("add-a-0001")?.state).toBe("applied");
  expect(state.wanted().map(({ service }) => service)).toEqual(["stays"]);
  plans.beginApply(journal);
  plans.endApply(journal, "rolled_back");
  expect(plans.plan("add-a-0001")?.state).toBe("rolled_back");
});

test("trust is one digest a workspace; the audit log is in pages and bounded", () => {
  const { plans } = stores;
  expect(plans.trust(workspace)).toBeUndefined();
  plans.setTrust(workspace, "one", 1);
  plans.setTrust(workspace, "two", 2);
  expect(plans.trust(workspace)).toBe("two");
  plans.setTrust(workspace, undefined, 3);
  expect(plans.trust(workspace)).toBeUndefined();
  for (let index = 1; index <= 30; index++) {
    plans.audit({
      atMs: index,
      workspace,
      by: "tester",
      did: "planned",
      text: `t${index}`,
      ...(index === 30 && { plan: "p", generation: 4 }),
    });
  }
  const [newest, next] = plans.audits(workspace, { limit: 2 });
  expect(newest).toEqual({
    id: 30,
    atMs: 30,
    workspace,
    by: "tester",
    did: "planned",
    text: "t30",
    plan: "p",
    generation: 4,
  });
  expect(next).not.toHaveProperty("plan");
  expect(plans.audits(workspace, { limit: 5, beforeId: 3 }).map(({ text }) => text)).toEqual(["t2", "t1"]);
});
