import { expect, test } from "vitest";
import type { StateStore } from "#application/ports/state-store.ts";

const db = { workspace: "/home/a/portwright.yaml", service: "db" };
const cache = { workspace: "/home/a/portwright.yaml", service: "cache" };
const otherDb = { workspace: "/home/b/portwright.yaml", service: "db" };
const claude = { clientId: "c1", clientName: "claude-code" };
const ide = { clientId: "c2", clientName: "vscode" };

/** What every `StateStore` does. `open` is called again after `close` to see what lasted. */
export function stateStoreContract(open: () => StateStore & { close(): void }): void {
  test("wanted services are kept in the order in which they were first wanted, once each", () => {
    const store = open();
    expect(store.wanted()).toEqual([]);
    store.setWanted(db, claude, 20);
    store.setWanted(cache, claude, 10);
    store.setWanted(db, ide, 30);
    store.setWanted(otherDb, ide, 40);
    expect(store.wanted()).toEqual([cache, db, otherDb]);
    store.clearWanted(db);
    expect(store.wanted()).toEqual([cache, otherDb]);
    store.clearWanted(db);
    store.close();
  });

  test("a client holds one lease on a service, under its newest name", () => {
    const store = open();
    store.setWanted(db, claude, 1);
    store.setWanted(db, ide, 2);
    store.setWanted(db, { ...claude, clientName: "claude" }, 3);
    expect(store.leases(db)).toEqual([ide, { clientId: "c1", clientName: "claude" }]);
    expect(store.leases(otherDb)).toEqual([]);
    store.close();
  });

  test("dropping a lease or a client leaves the service wanted; clearing it ends its leases", () => {
    const store = open();
    store.setWanted(db, claude, 1);
    store.setWanted(cache, claude, 1);
    store.setWanted(cache, ide, 2);
    store.dropLease(db, "c1");
    expect(store.leases(db)).toEqual([]);
    store.dropClient("c1");
    store.dropClient("nobody");
    expect(store.leases(cache)).toEqual([ide]);
    expect(store.wanted()).toHaveLength(2);
    store.clearWanted(cache);
    store.setWanted(cache, claude, 3);
    expect(store.leases(cache)).toEqual([claude]);
    store.close();
  });

  test("a port is remembered per workspace and service, also when the service is no longer wanted", () => {
    const store = open();
    expect(store.rememberedPort(db)).toBeUndefined();
    store.rememberPort(db, 15_432);
    store.rememberPort(otherDb, 15_433);
    store.rememberPort(db, 15_434);
    store.setWanted(db, claude, 1);
    store.clearWanted(db);
    expect(store.rememberedPort(db)).toBe(15_434);
    expect(store.rememberedPort(otherDb)).toBe(15_433);
    store.close();
  });

  test("the workspace used last is known", () => {
    const store = open();
    expect(store.lastWorkspace()).toBeUndefined();
    store.rememberWorkspace("/a", 1);
    store.rememberWorkspace("/b", 2);
    expect(store.lastWorkspace()).toBe("/b");
    store.rememberWorkspace("/a", 3);
    expect(store.lastWorkspace()).toBe("/a");
    store.close();
  });

  test("everything outlives closing", () => {
    const before = open();
    before.setWanted(db, claude, 1);
    before.rememberPort(db, 15_432);
    before.rememberWorkspace("/a", 1);
    before.close();
    const after = open();
    expect(after.wanted()).toEqual([db]);
    expect(after.leases(db)).toEqual([claude]);
    expect(after.rememberedPort(db)).toBe(15_432);
    expect(after.lastWorkspace()).toBe("/a");
    after.close();
  });

  test("names are text, not SQL, and objects may carry more than the key", () => {
    const store = open();
    const odd = { workspace: "/a'; DROP TABLE wanted; --", service: 'x" y', more: true };
    store.setWanted(odd, claude, 1);
    expect(store.wanted()).toEqual([{ workspace: odd.workspace, service: odd.service }]);
    store.clearWanted(odd);
    expect(store.wanted()).toEqual([]);
    store.close();
  });
}
