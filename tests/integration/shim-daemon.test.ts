import { once } from "node:events";
import { lstatSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ended, isAlive, Sandbox, type ShimProcess } from "../support/processes.ts";

const modeOf = (path: string): string => (lstatSync(path).mode & 0o777).toString(8);
const pidOf = async (shim: ShimProcess, id: number): Promise<number> => {
  const answer = await shim.call(id, "echo");
  const pid = answer.result?.structuredContent?.pid;
  // A pid of 0 would end this test's own process group.
  if (pid === undefined || pid <= 1) throw new Error(`no pid in ${JSON.stringify(answer)}`);
  return pid;
};
const initialize = { method: "initialize", params: { protocolVersion: "2025-11-25", clientInfo: { name: "editor" } } };

describe("a shim", () => {
  test("starts the daemon, says who it is, and hands its environment to it but not to its process", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim({
      ECHO_MARKER: "from the client",
      AWS_SECRET_ACCESS_KEY: "hidden",
      PORTWRIGHT_TOKEN: "x",
    });
    const answer = await shim.call(1, "echo", { a: 1 });
    const said = answer.result?.structuredContent;
    expect(said).toMatchObject({ arguments: { a: 1 }, marker: "from the client", seen: ["tools/call"] });
    expect(said?.["hello"]).toMatchObject({ cwd: process.cwd(), terminal: false });
    expect(said?.["daemon_env"]).toEqual([
      "HOME",
      "MALLOC_TRIM_THRESHOLD_",
      "PATH",
      "PORTWRIGHT_HOME",
      "PORTWRIGHT_IDLE_EXIT_S",
    ]);
    expect(modeOf(sandbox.paths.socketFile)).toBe("600");
    expect(modeOf(dirname(sandbox.paths.socketFile))).toBe("700");
    expect(modeOf(sandbox.paths.logFile)).toBe("600");
    expect(sandbox.log()).not.toContain("hidden");
    expect(sandbox.log()).not.toContain("from the client");
    shim.child.stdin.end();
    expect(await shim.exited()).toBe(0);
    expect(shim.notJson).toEqual([]);
  });

  test("eight at once from cold share one daemon", async () => {
    await using sandbox = new Sandbox();
    const shims = Array.from({ length: 8 }, () => sandbox.shim());
    const pids = await Promise.all(shims.map((shim, index) => pidOf(shim, index)));
    expect(new Set(pids).size).toBe(1);
    expect(await sandbox.control("status")).toMatchObject({ pid: pids[0], clients: 8 });
  });

  test("answers what a killed daemon left open, shakes hands again for the client, and its next call works", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim();
    shim.send({ id: "init", ...initialize });
    await shim.answer("init");
    shim.send({ method: "notifications/initialized" });
    const pid = await pidOf(shim, 1);
    shim.send({ id: 2, method: "tools/call", params: { name: "hang" } });
    shim.send({ id: "2", method: "resources/subscribe", params: {} });
    await shim.answer("2");
    await shim.call(3, "echo");
    process.kill(pid, "SIGKILL");

    const lost = await shim.answer(2);
    expect(lost.result).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "daemon_unreachable", retryable: true } },
    });
    const next = await shim.call(4, "echo");
    expect(next.result?.structuredContent?.pid).not.toBe(pid);
    expect(next.result?.structuredContent).toMatchObject({
      seen: ["initialize", "notifications/initialized", "tools/call"],
      hello: { name: "editor" },
    });
    // One answer each, and the replayed handshake stays between shim and daemon.
    expect(shim.received.map(({ id }) => id)).toEqual(["init", 1, "2", 3, 2, 4]);
    expect(shim.notJson).toEqual([]);
  });

  test("comes back by itself after a crash, without a call", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim();
    const pid = await pidOf(shim, 1);
    process.kill(pid, "SIGKILL");
    await ended(pid);
    await expect.poll(async () => (await sandbox.control("status"))?.["clients"], { timeout: 10_000 }).toBe(1);
    expect(await pidOf(shim, 2)).not.toBe(pid);
  });

  test("sends reading requests again that a killed daemon left open", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim();
    const pid = await pidOf(shim, 1);
    process.kill(pid, "SIGSTOP");
    shim.send({ id: 2, method: "tools/list" });
    await new Promise((resolve) => void setTimeout(resolve, 100));
    process.kill(pid, "SIGKILL");
    expect((await shim.answer(2)).result).toEqual({});
  });

  test("gives a call that the dead daemon never read to the next one", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim();
    const pid = await pidOf(shim, 1);
    process.kill(pid, "SIGSTOP");
    shim.send({ id: 2, method: "tools/call", params: { name: "echo" } });
    await new Promise((resolve) => void setTimeout(resolve, 100));
    process.kill(pid, "SIGKILL");
    const answer = await shim.answer(2);
    expect(answer.result?.isError).toBeUndefined();
    expect(answer.result?.structuredContent?.pid).not.toBe(pid);
  });

  test("passes the daemon's questions on, and withdraws one whose daemon is gone", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim();
    shim.send({ id: 1, method: "tools/call", params: { name: "ask" } });
    const question = await shim.until(() => shim.received.find(({ method }) => method === "elicitation/create"));
    shim.send({ id: question.id, result: { action: "accept" } });
    expect((await shim.answer(1)).result?.structuredContent).toMatchObject({ said: { action: "accept" } });

    shim.send({ id: 2, method: "tools/call", params: { name: "ask" } });
    await shim.until(() => shim.received.filter(({ method }) => method === "elicitation/create")[1]);
    shim.send({ id: 3, method: "tools/call", params: { name: "crash" } });
    const withdrawn = await shim.until(() => shim.received.find(({ method }) => method === "notifications/cancelled"));
    expect(withdrawn.params).toMatchObject({ requestId: 1 });
    shim.send({ id: 1, result: { action: "accept" } });
    expect((await shim.call(4, "echo")).result?.structuredContent?.["seen"]).toEqual(["tools/call"]);
  });

  test("does not start a stopped daemon again before the next call", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim();
    const pid = await pidOf(shim, 1);
    expect(await sandbox.control("stop")).toMatchObject({ ending: true });
    await ended(pid);
    await new Promise((resolve) => void setTimeout(resolve, 500));
    expect(await sandbox.control("status")).toBeUndefined();
    expect(await pidOf(shim, 2)).not.toBe(pid);
  });

  test("says why when no daemon can be started, and tries again on the next request", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim({ PORTWRIGHT_TEST_BROKEN: "1", PORTWRIGHT_TEST_REACH_MS: "5000" });
    shim.send({ id: 1, ...initialize });
    const refused = await shim.answer(1);
    expect(refused.error?.message).toContain("The daemon cannot be started");
    expect(refused.error?.message).toContain("first line of the log");
    expect(refused.error?.data).toMatchObject({ code: "daemon_unreachable" });
    const call = await shim.call(2, "echo");
    expect(call.result).toMatchObject({ isError: true, structuredContent: { error: { code: "daemon_unreachable" } } });

    const working = sandbox.daemon();
    await expect.poll(() => sandbox.control("status")).toBeDefined();
    expect(await pidOf(shim, 3)).toBe(working.pid);
    expect(shim.notJson).toEqual([]);
  });

  test("[spine-stdout] survives garbage, empty lines and batches from the client", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim();
    shim.child.stdin.write('hello\n\n\r\n[]\n{"id":\n"just text"\n[{"jsonrpc":"2.0","method":"x"}]\n{}\n');
    expect(await pidOf(shim, 1)).toBeGreaterThan(0);
    expect(shim.notJson).toEqual([]);
    expect(shim.stderr).toContain("not JSON");
  });

  test("answers what is in flight at the end of input, then ends", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim();
    shim.send({ id: 1, method: "tools/call", params: { name: "echo" } });
    shim.child.stdin.end();
    await shim.answer(1);
    expect(await shim.exited()).toBe(0);
    await expect.poll(async () => (await sandbox.control("status"))?.["clients"]).toBe(0);
  });

  test("ends when nobody reads its output", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim();
    await shim.call(1, "echo");
    shim.child.stdout.destroy();
    shim.send({ id: 2, method: "ping" });
    expect(await shim.exited()).toBe(0);
  });

  test("is gone within 3 s of the death of the process that started it, though its pipes stay open", async () => {
    await using sandbox = new Sandbox();
    // The parent gives its own pipes to the shim: killing it closes nothing.
    const parent = sandbox.spawn([
      "-e",
      `const child = require("node:child_process").spawn(process.execPath, [${JSON.stringify(
        fileURLToPath(new URL("../support/shim-entry.ts", import.meta.url)),
      )}], { stdio: [0, 1, 2] });
       process.stderr.write(String(child.pid) + "\\n"); setInterval(() => {}, 1000);`,
    ]);
    const [first] = (await once(parent.stderr, "data")) as [Buffer];
    const pid = Number(first.toString());
    await expect.poll(async () => (await sandbox.control("status"))?.["clients"], { timeout: 10_000 }).toBe(1);
    parent.kill("SIGKILL");
    const startMs = performance.now();
    await ended(pid, 5000);
    expect(performance.now() - startMs).toBeLessThan(3000);
    expect(isAlive(pid)).toBe(false);
    expect(await sandbox.control("status")).toBeDefined();
  });
});

describe("a newer shim", () => {
  test("takes over from an older daemon while no forwarded connection is open; the older client goes along", async () => {
    await using sandbox = new Sandbox();
    const older = sandbox.shim({ PORTWRIGHT_TEST_VERSION: "0.9.0" });
    const olderPid = await pidOf(older, 1);
    const newer = sandbox.shim({ PORTWRIGHT_TEST_VERSION: "0.10.0" });
    const newerPid = await pidOf(newer, 1);
    expect(newerPid).not.toBe(olderPid);
    expect(await sandbox.control("status")).toMatchObject({ version: "0.10.0", pid: newerPid });
    expect(await pidOf(older, 2)).toBe(newerPid);
    expect(isAlive(olderPid)).toBe(false);
    expect(newer.stderr).toBe("");
  });

  test("is served by the older daemon, with one notice, while forwarded connections are open", async () => {
    await using sandbox = new Sandbox();
    const older = sandbox.shim({ PORTWRIGHT_TEST_VERSION: "0.9.0", PORTWRIGHT_TEST_CONNECTIONS: "2" });
    const olderPid = await pidOf(older, 1);
    const newer = sandbox.shim({ PORTWRIGHT_TEST_VERSION: "0.10.0" });
    expect(await pidOf(newer, 1)).toBe(olderPid);
    expect(newer.stderr.match(/0\.10\.0.*0\.9\.0/g)).toHaveLength(1);
    expect(older.stderr).toBe("");
  });

  test("a client with another runtime folder finds the daemon all the same", async () => {
    await using sandbox = new Sandbox();
    const env = { PORTWRIGHT_HOME: "", XDG_STATE_HOME: sandbox.home };
    const first = sandbox.shim({ ...env, XDG_RUNTIME_DIR: `${sandbox.home}/run-a` });
    const second = sandbox.shim({ ...env, XDG_RUNTIME_DIR: `${sandbox.home}/run-b` });
    const pid = await pidOf(first, 1);
    expect(await pidOf(second, 1)).toBe(pid);
    process.kill(pid);
    await ended(pid);
    expect(statSync(sandbox.home).isDirectory()).toBe(true);
  });
});
