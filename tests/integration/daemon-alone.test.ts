import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { acquireDaemonLock } from "#adapters/sqlite/daemon-lock.ts";
import { Sandbox, ShimProcess } from "../support/processes.ts";
import { runCli } from "../support/run-cli.ts";

const aloneEntry = fileURLToPath(new URL("../support/alone-entry.ts", import.meta.url));

describe("mcp --no-daemon", () => {
  test("serves in one process, with nothing but JSON-RPC on stdout, and ends with its client", async () => {
    await using sandbox = new Sandbox();
    const alone = new ShimProcess(sandbox.spawn([aloneEntry], { ECHO_MARKER: "here" }));
    const answer = await alone.call(1, "echo");
    expect(answer.result?.structuredContent).toMatchObject({ pid: alone.child.pid, marker: "here" });
    await alone.until(() => (alone.stderr.includes("a library prints here") ? true : undefined));
    expect(alone.stderr).toContain("and here");
    expect(acquireDaemonLock(sandbox.paths.lockFile)).toBeUndefined();
    expect(await sandbox.control("status")).toBeUndefined();
    alone.child.stdin.end();
    expect(await alone.exited()).toBe(0);
    expect(alone.received.map(({ id }) => id)).toEqual([1]);
    expect(alone.notJson).toEqual([]);
  });

  test("is refused while a daemon runs", async () => {
    await using sandbox = new Sandbox();
    const daemon = sandbox.daemon();
    await expect.poll(() => sandbox.control("status"), { timeout: 10_000 }).toBeDefined();
    const run = await runCli(sandbox, ["mcp", "--no-daemon"]);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toContain("(daemon_running)");
    daemon.kill();
    await once(daemon, "exit");
  });

  test("a client's shim says that such a process holds the lock", async () => {
    await using sandbox = new Sandbox();
    const alone = new ShimProcess(sandbox.spawn([aloneEntry]));
    await alone.call(1, "echo");
    const shim = sandbox.shim({ PORTWRIGHT_TEST_REACH_MS: "1500" });
    const refused = await shim.call(1, "echo");
    expect(refused.result?.structuredContent?.["summary"]).toContain("--no-daemon");
  });
});
