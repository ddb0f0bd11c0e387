import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { acquireDaemonLock } from "#adapters/sqlite/daemon-lock.ts";
import { runDemo } from "#cli/demo/index.ts";
import { followFile } from "#cli/follow-file.ts";
import { runCli as runCliProcess } from "#cli/run-cli.ts";
import { watchParent } from "#server/daemon/parent-watch.ts";
import { runDaemonProcess } from "#server/daemon/daemon-process.ts";
import { runShimCommand } from "#shim/shim-command.ts";
import { startDaemon } from "../support/daemon-in-process.ts";
import { composeEcho } from "../support/echo-composition.ts";
import { mainJs } from "../support/home.ts";
import { LinesClient } from "../support/lines-client.ts";
import { Exited, replaceOwnProcess } from "../support/own-process.ts";
import { Sandbox } from "../support/processes.ts";
import { runCli } from "../support/run-cli.ts";

const daemonEntry = fileURLToPath(new URL("../support/daemon-entry.ts", import.meta.url));

/** Commands that own their process's streams and its end, with those replaced. */
describe("the commands that own their process", () => {
  test("mcp relays between stdin and stdout, prints nothing else there, and ends with its input", async () => {
    await using sandbox = new Sandbox();
    await using _daemon = await startDaemon(sandbox);
    using own = replaceOwnProcess();
    const client = new LinesClient(own.stdin, own.stdout);
    const run = runCli(sandbox, ["mcp"]);
    const echo = await client.call(1, "echo");
    expect(echo.result?.structuredContent?.["hello"]).toMatchObject({ cwd: process.cwd(), terminal: false });
    own.stdin.write("not JSON\n");
    await client.call(2, "echo");
    own.stdin.end();
    await run;
    expect(own.exits).toEqual([0]);
    expect(own.stderr()).toContain("portwright: dropped a line from the client that is not JSON");
    expect(client.received.map(({ id }) => id)).toEqual([1, 2]);
  });

  test("the shim's own command reads its paths from the environment", async () => {
    await using sandbox = new Sandbox();
    await using _daemon = await startDaemon(sandbox);
    vi.stubEnv("PORTWRIGHT_HOME", sandbox.home);
    using own = replaceOwnProcess();
    const client = new LinesClient(own.stdin, own.stdout);
    const run = runShimCommand(daemonEntry, "some.yaml");
    const echo = await client.call(1, "echo");
    expect(echo.result?.structuredContent?.["hello"]).toMatchObject({ config: join(process.cwd(), "some.yaml") });
    own.stdin.end();
    await expect(run).rejects.toBeInstanceOf(Exited);
    expect(own.exits).toEqual([0]);
    vi.unstubAllEnvs();
  });

  test("mcp --no-daemon serves alone, holds the lock while it does, and keeps stdout clean", async () => {
    await using sandbox = new Sandbox();
    using own = replaceOwnProcess();
    const client = new LinesClient(own.stdin, own.stdout);
    const run = runCli(sandbox, ["mcp", "--no-daemon"]);
    expect((await client.call(1, "echo")).result?.structuredContent?.pid).toBe(process.pid);
    process.stdout.write("a library prints here\n");
    // oxlint-disable-next-line no-console -- what must not reach stdout
    console.log("and here");
    expect(acquireDaemonLock(sandbox.paths.lockFile)).toBeUndefined();
    await client.call(2, "echo");
    own.stdin.end();
    expect(await run).toMatchObject({ code: 0 });
    expect(own.stderr()).toContain("a library prints here");
    const lock = acquireDaemonLock(sandbox.paths.lockFile);
    expect(lock).toBeDefined();
    lock?.release();
  });

  test("mcp --no-daemon ends by a signal, and when nobody reads it any more", async () => {
    await using sandbox = new Sandbox();
    for (const end of ["signal", "output"] as const) {
      using own = replaceOwnProcess();
      const client = new LinesClient(own.stdin, own.stdout);
      const before = process.listenerCount("SIGTERM");
      const run = runCli(sandbox, ["mcp", "--no-daemon"]);
      await client.call(1, "echo");
      expect(process.listenerCount("SIGTERM")).toBe(before + 1);
      if (end === "signal") process.listeners("SIGTERM").at(-1)?.("SIGTERM");
      else client.expectBroken();
      if (end === "output") own.stdout.destroy(new Error("EPIPE"));
      expect((await run).code).toBe(0);
      expect(process.listenerCount("SIGTERM")).toBe(before);
    }
  });

  test("daemon run serves until it is told to end; a second one says that another runs", async () => {
    await using sandbox = new Sandbox({ PORTWRIGHT_LOG_LEVEL: "fatal" });
    using own = replaceOwnProcess();
    const run = runCli(sandbox, ["daemon", "run"]);
    await expect.poll(() => sandbox.control("status")).toMatchObject({ pid: process.pid });
    await runCli(sandbox, ["daemon", "run"]);
    expect(own.exits).toEqual([75]);
    expect(own.stderr()).toContain("another daemon is running");
    expect(await sandbox.control("stop")).toMatchObject({ ending: true });
    await run;
    expect(own.exits).toEqual([75, 0]);
  });

  test("a daemon process ends by SIGTERM, stays with SIGHUP and a lost promise, and ends by an exception", async () => {
    await using sandbox = new Sandbox({ PORTWRIGHT_LOG_LEVEL: "fatal", PORTWRIGHT_IDLE_EXIT_S: "nonsense" });
    using own = replaceOwnProcess();
    const names = ["SIGTERM", "SIGINT", "SIGHUP", "unhandledRejection", "uncaughtException"];
    const counts = (): number[] => names.map((name) => process.listenerCount(name));
    const before = counts();
    const run = runDaemonProcess({
      paths: sandbox.paths,
      env: sandbox.env,
      homeDir: sandbox.home,
      compose: composeEcho,
    });
    await expect.poll(() => sandbox.control("status")).toBeDefined();
    const newest = (name: string): ((reason: unknown) => void) =>
      process.listeners(name as "SIGHUP").at(-1) as unknown as (reason: unknown) => void;
    newest("SIGHUP")("SIGHUP");
    newest("unhandledRejection")(new TypeError("a promise"));
    expect(() => newest("uncaughtException")(new TypeError("an exception"))).toThrow(Exited);
    expect(own.exits).toEqual([70]);
    expect(await sandbox.control("status")).toBeDefined();
    newest("SIGTERM")("SIGTERM");
    expect(await run).toBe(0);
    expect(counts()).toEqual(before);
  });

  test("a daemon process that cannot start says why in its last line, and ends with 70", async () => {
    await using sandbox = new Sandbox({ PORTWRIGHT_LOG_LEVEL: "fatal" });
    using own = replaceOwnProcess();
    const compose = () => Promise.reject(new TypeError("no"));
    const { paths, env, home } = sandbox;
    expect(await runDaemonProcess({ paths, env, homeDir: home, compose })).toBe(70);
    expect(own.stderr().trimEnd().split("\n").at(-1)).toMatch(/^portwright: the daemon cannot start: .*internal_error/);
  });

  test("the process's own command line sets the exit code, and ends when nobody reads", async () => {
    using own = replaceOwnProcess(["portwright", "--version"]);
    await runCliProcess(["--version"], composeEcho);
    expect(process.exitCode).toBe(0);
    expect(String(own.stdout.read())).toMatch(/^\d+\.\d+\.\d+\n$/);
    await runCliProcess(["stauts"], composeEcho);
    expect(process.exitCode).toBe(2);
    expect(own.stderr()).toContain("did you mean status?");
    expect(() => own.stdout.emit("error", new Error("EPIPE"))).toThrow(Exited);
  });

  test("call reads its arguments from stdin", async () => {
    await using sandbox = new Sandbox();
    await using _daemon = await startDaemon(sandbox);
    using own = replaceOwnProcess();
    own.stdin.end('{"from": "stdin"}');
    const run = await runCli(sandbox, ["call", "echo", "-"]);
    expect(JSON.parse(run.stdout)).toMatchObject({ arguments: { from: "stdin" } });
  });

  test("the death of the parent process is noticed", async () => {
    const before = Object.getOwnPropertyDescriptor(process, "ppid");
    try {
      let gone = 0;
      watchParent(() => gone++, 10);
      await new Promise((resolve) => void setTimeout(resolve, 50));
      expect(gone).toBe(0);
      Object.defineProperty(process, "ppid", { value: 1, configurable: true });
      await expect.poll(() => gone).toBe(1);
      await new Promise((resolve) => void setTimeout(resolve, 50));
      expect(gone).toBe(1);
    } finally {
      if (before) Object.defineProperty(process, "ppid", before);
    }
  });
});

describe("a log that is followed", () => {
  test("shows what is added, from the beginning when it was cut, and ends with its reader", async () => {
    await using sandbox = new Sandbox();
    const { logFile } = sandbox.paths;
    mkdirSync(dirname(logFile), { recursive: true });
    const output = new PassThrough();
    let text = "";
    output.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const following = followFile(logFile, output);
    const ended = following.catch((error: unknown) => error);
    writeFileSync(logFile, "one\n");
    await expect.poll(() => text, { timeout: 5000 }).toBe("one\n");
    appendFileSync(logFile, "two\n");
    await expect.poll(() => text, { timeout: 5000 }).toBe("one\ntwo\n");
    truncateSync(logFile);
    appendFileSync(logFile, "new\n");
    await expect.poll(() => text, { timeout: 5000 }).toContain("new\n");
    output.destroy();
    await once(output, "close");
    appendFileSync(logFile, "nobody reads this\n");
    expect(await ended).toMatchObject({ code: expect.stringContaining("STREAM") as string });
    // What it had begun to open is closed before the folder goes.
    await new Promise((resolve) => void setTimeout(resolve, 50));
  });

  test("daemon logs --follow shows the end first", async () => {
    await using sandbox = new Sandbox();
    mkdirSync(dirname(sandbox.paths.logFile), { recursive: true });
    writeFileSync(sandbox.paths.logFile, "old\nlast\n");
    const logs = await runCli(sandbox, ["daemon", "logs", "--lines", "1"]);
    expect(logs).toMatchObject({ code: 0, stdout: "last\n" });
  });
});

describe("the demo's command", () => {
  test("fails with what it was told when its own command cannot serve", async () => {
    await using sandbox = new Sandbox();
    const broken = join(sandbox.home, "broken.mjs");
    writeFileSync(broken, "process.stderr.write('broken on purpose'); process.exit(1);");
    using own = replaceOwnProcess([broken]);
    const run = await runCli(sandbox, ["demo"]);
    expect(run.code).toBe(1);
    expect(String(own.stdout.read())).toContain("broken on purpose");
  });

  test.skipIf(!existsSync(mainJs))(
    "--keep prints what an AI client needs, and ends well by Ctrl-C (needs dist/)",
    async () => {
      let story = "";
      const run = runDemo(["--keep"], {
        self: [process.execPath, mainJs],
        stdout: { write: (text) => (story += text) },
        env: process.env,
      });
      await expect.poll(() => story, { timeout: 25_000 }).toContain("Then ask it");
      expect(story).toContain("claude mcp add portwright-demo");
      process.listeners("SIGINT").at(-1)?.("SIGINT");
      expect(await run).toBe(0);
      const home = /PORTWRIGHT_HOME=(\S+)/.exec(story)?.[1] ?? "/";
      expect(existsSync(home)).toBe(false);
    },
  );
});
