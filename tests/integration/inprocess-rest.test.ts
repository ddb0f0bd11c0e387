import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorCatalogue } from "#domain/error-catalogue.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import { openLog } from "#server/daemon/log.ts";
import { watchMemory } from "#server/daemon/memory-at-rest.ts";
import { rotateLog } from "#server/daemon/rotate-log.ts";
import { readSocketHint, writeSocketHint } from "#server/daemon/socket-hint.ts";
import type { DaemonConnection } from "#shim/dial.ts";
import { clientName, isStateless, readMessage } from "#shim/message.ts";
import { Reconnecting } from "#shim/reconnecting.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

describe("the daemon's files", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pw-rest-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("a log that grew too large begins anew where it is written, and is kept beside; another file is left alone", () => {
    const file = join(folder, "daemon.log");
    writeFileSync(file, "old\n".repeat(100));
    const descriptor = openSync(file, "a");
    rotateLog(file, 200, descriptor);
    expect(statSync(file).size).toBe(0);
    expect(statSync(`${file}.1`).size).toBe(400);
    const other = join(folder, "other.log");
    writeFileSync(other, "x".repeat(300));
    rotateLog(other, 200, descriptor);
    rotateLog(join(folder, "nothing.log"), 200, descriptor);
    expect(statSync(other).size).toBe(300);
    closeSync(descriptor);
  });

  test("the log is one JSON object a line, at the level that was asked for, without secrets", () => {
    const file = join(folder, "daemon.log");
    const descriptor = openSync(file, "a");
    const log = openLog({ level: "warn", version: "1.2.3", descriptor });
    log.debug({}, "too fine");
    log.info({}, "too fine as well");
    log.child({ component: "ssh" }).error({ token: "hunter2", nested: { password: "hunter2" }, code: "x" }, "said");
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: "error", component: "ssh", version: "1.2.3", code: "x", token: "[redacted]" }),
    ]);
    expect(lines.join("")).not.toContain("hunter2");
    closeSync(descriptor);
  });

  test("the place of the socket is told by an absolute path or not at all", () => {
    expect(readSocketHint(folder)).toBeUndefined();
    writeSocketHint(folder, "/run/x.sock");
    expect(readSocketHint(folder)).toBe("/run/x.sock");
    writeSocketHint(folder, "x.sock");
    expect(readSocketHint(folder)).toBeUndefined();
  });
});

describe("memory at rest", () => {
  test("is collected once after it came to rest, not while it is busy, and not again too soon", async () => {
    let collections = 0;
    let busy = true;
    using memory = watchMemory({
      busy: () => busy,
      collect: () => collections++,
      restMs: 10,
      leastGapMs: 150,
    });
    for (let times = 0; times < 5; times++) memory.stirred();
    await pause(60);
    expect(collections).toBe(0);
    busy = false;
    await expect.poll(() => collections, { timeout: 5000 }).toBe(1);
    memory.stirred();
    await pause(50);
    expect(collections).toBe(1);
    await expect.poll(() => collections, { timeout: 5000 }).toBe(2);
  });

  test("what nobody holds any more is gone after it", async () => {
    let collected = false;
    const registry = new FinalizationRegistry(() => (collected = true));
    ((): void => registry.register({ held: "by nobody" }, 1))();
    using memory = watchMemory({ busy: () => false, restMs: 1 });
    memory.stirred();
    await expect.poll(() => collected, { timeout: 5000 }).toBe(true);
  });

  test("nothing happens after it was disposed", async () => {
    let collections = 0;
    const memory = watchMemory({ busy: () => false, collect: () => collections++, restMs: 5 });
    memory.stirred();
    memory[Symbol.dispose]();
    await pause(40);
    expect(collections).toBe(0);
  });
});

describe("connecting again", () => {
  const connection = {} as DaemonConnection;

  test("one attempt at a time; after a stop only when the client asks, after a crash by itself", async () => {
    const patience: (number | undefined)[] = [];
    let connected = 0;
    const reconnecting = new Reconnecting({
      reach: async ({ patienceMs }) => {
        patience.push(patienceMs);
        return connection;
      },
      onConnected: () => connected++,
      onFailed: () => {},
    });
    reconnecting.now();
    reconnecting.now();
    await pause(0);
    expect([patience, connected]).toEqual([[0], 1]);
    reconnecting.after("stop", false);
    await pause(30);
    expect(connected).toBe(1);
    reconnecting.after("stop", true);
    await pause(0);
    expect(connected).toBe(2);
    reconnecting.after("hand_over", false);
    await pause(0);
    expect(patience).toEqual([0, 0, 3000]);
    reconnecting.after(undefined, false);
    // Its connection lived only shortly: not at once.
    await pause(30);
    expect(connected).toBe(3);
    await expect.poll(() => connected, { timeout: 5000 }).toBe(4);
  });

  test("a failed attempt is told, and the next one may begin", async () => {
    const failures: unknown[] = [];
    const reconnecting = new Reconnecting({
      reach: () => Promise.reject(new TypeError("no")),
      onConnected: () => {},
      onFailed: (error) => failures.push(error),
    });
    reconnecting.now();
    await pause(0);
    reconnecting.now();
    await pause(0);
    expect(failures).toHaveLength(2);
  });
});

describe("a line of JSON-RPC", () => {
  const message = (value: unknown) => readMessage(Buffer.from(JSON.stringify(value)));

  test("is what its keys say", () => {
    expect(message({ id: 1, method: "ping" })).toEqual({ kind: "request", id: 1, method: "ping", params: {} });
    expect(message({ method: "x", params: { a: 1 } })).toEqual({ kind: "notification", method: "x", params: { a: 1 } });
    expect(message({ id: "1", result: {} })).toEqual({ kind: "response", id: "1", failed: false });
    expect(message({ id: 1, error: {} })).toEqual({ kind: "response", id: 1, failed: true });
    expect(message([])).toEqual({ kind: "other" });
    expect(message({ id: null })).toEqual({ kind: "other" });
    expect(message("text")).toBeUndefined();
    expect(readMessage(Buffer.from("{"))).toBeUndefined();
  });

  test("names its client in the handshake or in the envelope, and says whether it stands alone", () => {
    expect(clientName({ clientInfo: { name: "editor" } })).toBe("editor");
    const envelope = {
      _meta: {
        "io.modelcontextprotocol/clientInfo": { name: "n".repeat(300) },
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      },
    };
    expect(clientName(envelope)).toBe("n".repeat(200));
    expect(clientName({ clientInfo: { name: "" } })).toBeUndefined();
    expect(clientName({})).toBeUndefined();
    expect([isStateless(envelope), isStateless({})]).toEqual([true, false]);
  });
});

describe("what a person can do", () => {
  const codes = Object.keys(errorCatalogue) as (keyof typeof errorCatalogue)[];

  test.each(codes)("about %s is whole without any fact, and quotes what it is told", (code) => {
    for (const step of remediesFor({ code, message: "" })) {
      expect(step).toMatchObject({ do: expect.stringMatching(/^(?:run|edit|login|ask)$/) as string });
      expect(step.command ?? step.where ?? step.what).toMatch(/\S/);
      expect(step.why).toMatch(/\S/);
    }
    const names = ["host", "user", "context", "namespace", "pod", "workload", "key_file", "command"];
    const facts = Object.fromEntries(names.map((name) => [name, "a; rm -rf /"]));
    const commands = remediesFor({ code, message: "", facts })
      .filter((step) => step.do === "run")
      .map((step) => step.command ?? "");
    for (const command of commands) expect(command.replaceAll(/'[^']*'/g, "")).not.toContain("rm -rf");
  });
});
