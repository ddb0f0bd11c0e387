import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import SqliteDatabase from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { acquireDaemonLock } from "#adapters/sqlite/daemon-lock.ts";
import { schemaVersion } from "#adapters/sqlite/migrations.ts";
import { openStores } from "#adapters/sqlite/open-stores.ts";

let folder = "";
const wanted = { workspace: "/w", service: "db" };
const holder = { clientId: "c", clientName: "n" };
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pw-sqlite-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the state file", () => {
  test("is private, with its folder, whatever the umask and an older mode", () => {
    const old = process.umask(0);
    try {
      const file = join(folder, "state", "state.db");
      const store = openStores(file);
      store.state.setWanted(wanted, holder, 1);
      expect(modeOf(join(folder, "state"))).toBe("700");
      expect(readdirSync(join(folder, "state")).map((name) => modeOf(join(folder, "state", name)))).toEqual(
        ["state.db", "state.db-shm", "state.db-wal"].map(() => "600"),
      );
      store.close();

      const loose = join(folder, "loose.db");
      writeFileSync(loose, "", { mode: 0o644 });
      openStores(loose).close();
      expect(modeOf(loose)).toBe("600");
    } finally {
      process.umask(old);
    }
  });

  test("[daemon-wanted-state] a damaged file is set aside and the store starts empty", () => {
    const file = join(folder, "state.db");
    writeFileSync(file, "this is no database, and long enough to have a header of one hundred bytes".repeat(20));
    const setAside: string[] = [];
    const store = openStores(file, { onDamaged: (path) => void setAside.push(path) });
    expect(store.state.wanted()).toEqual([]);
    store.close();
    expect(setAside).toEqual([`${file}.damaged`]);
    expect(readFileSync(setAside[0] ?? "", "utf8")).toContain("no database");
  });

  test("damage inside the pages is found at opening", () => {
    const file = join(folder, "state.db");
    const store = openStores(file);
    for (let n = 0; n < 500; n++) store.state.setWanted({ workspace: "/w", service: `service-${n}` }, holder, n);
    store.close();
    const bytes = readFileSync(file);
    bytes.fill(0xff, 4096, bytes.length - 4096);
    writeFileSync(file, bytes);
    const setAside: string[] = [];
    const again = openStores(file, { onDamaged: (path) => void setAside.push(path) });
    expect(setAside).toHaveLength(1);
    again.state.setWanted(wanted, holder, 1);
    again.close();
  });

  test("a file of a newer version is refused and left as it is", () => {
    const file = join(folder, "state.db");
    openStores(file).close();
    const database = new SqliteDatabase(file);
    database.pragma(`user_version = ${schemaVersion + 1}`);
    database.close();
    expect(() => openStores(file)).toThrow(expect.objectContaining({ code: "not_supported" }) as Error);
    expect(readdirSync(folder).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  test("a folder in its place is an internal_error that names the path", () => {
    expect(() => openStores(folder)).toThrow(
      expect.objectContaining({ code: "internal_error", facts: expect.objectContaining({ path: folder }) }) as Error,
    );
  });
});

describe("the daemon lock", () => {
  test("is held once, even within one process, and can be taken again after release", () => {
    const file = join(folder, "daemon.lock.db");
    const lock = acquireDaemonLock(file);
    expect(lock).toBeDefined();
    expect(acquireDaemonLock(file)).toBeUndefined();
    expect(acquireDaemonLock(file)).toBeUndefined();
    expect(modeOf(file)).toBe("600");
    lock?.release();
    lock?.release();
    const next = acquireDaemonLock(file);
    expect(next).toBeDefined();
    next?.release();
  });

  test("another process cannot take it until its holder is killed", async () => {
    const file = join(folder, "daemon.lock.db");
    const holderProcess = spawn(
      process.execPath,
      [
        "--expose-gc",
        "--input-type=module",
        "-e",
        `const { acquireDaemonLock } = await import(${JSON.stringify(new URL("../../src/adapters/sqlite/daemon-lock.ts", import.meta.url).href)});
         acquireDaemonLock(${JSON.stringify(file)});
         globalThis.gc(); globalThis.gc();
         process.stdout.write("held\\n"); setInterval(() => globalThis.gc(), 20);`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      await once(holderProcess.stdout, "data");
      expect(acquireDaemonLock(file)).toBeUndefined();
      holderProcess.kill("SIGKILL");
      await once(holderProcess, "exit");
      const lock = acquireDaemonLock(file);
      expect(lock).toBeDefined();
      lock?.release();
    } finally {
      holderProcess.kill("SIGKILL");
    }
  });
});
