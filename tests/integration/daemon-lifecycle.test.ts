import { once } from "node:events";
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { acquireDaemonLock } from "#adapters/sqlite/daemon-lock.ts";
import { readSocketHint } from "#server/daemon/socket-hint.ts";
import { closingMethod, receivedMethod } from "#server/daemon/wire.ts";
import { startDaemon } from "../support/daemon-in-process.ts";
import { Sandbox } from "../support/processes.ts";

const modeOf = (path: string): string => (lstatSync(path).mode & 0o777).toString(8);
const hello = { portwright: 1, version: "0.1.0", id: "t", cwd: "/", client: "test", env: {} };
const line = (message: object): string => `${JSON.stringify(message)}\n`;

/** Says hello and collects lines until the connection is closed. */
async function client(
  sandbox: Sandbox,
  first: string,
): Promise<{ lines: string[]; closed: Promise<unknown>; end(): void }> {
  const socket = connect(sandbox.paths.socketFile);
  const lines: string[] = [];
  socket.on("error", () => {});
  const answered = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      lines.push(
        ...chunk
          .toString()
          .split("\n")
          .filter((text) => text !== "" && !text.includes(receivedMethod)),
      );
      resolve();
    });
  });
  const closed = once(socket, "close");
  socket.write(first);
  await answered;
  return { lines, closed, end: () => void socket.end() };
}

describe("a daemon", () => {
  test("answers what it is, with the keys that are promised", async () => {
    await using sandbox = new Sandbox();
    await using daemon = await startDaemon(sandbox);
    const one = await client(sandbox, line(hello));
    expect(await sandbox.control("status")).toEqual({
      portwright: 1,
      pid: process.pid,
      version: "0.1.0",
      uptime_s: expect.any(Number) as number,
      clients: 1,
      services: { wanted: 0, ready: 0, defined: 1 },
      connections: 0,
    });
    one.end();
    await one.closed;
    await expect.poll(async () => (await sandbox.control("status"))?.["clients"]).toBe(0);
    expect(daemon.log.join("\n")).toContain("the daemon is ready");
    expect(readSocketHint(sandbox.paths.stateDir)).toBe(sandbox.paths.socketFile);
  });

  test("[daemon-private-socket] its socket is private whatever the umask, in a folder that it makes private, over what a dead one left", async () => {
    await using sandbox = new Sandbox();
    const { socketFile } = sandbox.paths;
    mkdirSync(dirname(socketFile), { mode: 0o755 });
    writeFileSync(socketFile, "left by a daemon that was killed");
    const mask = process.umask(0);
    try {
      await using _daemon = await startDaemon(sandbox);
      expect(modeOf(socketFile)).toBe("600");
      expect(modeOf(dirname(socketFile))).toBe("700");
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(mask);
    }
    expect(() => lstatSync(socketFile)).toThrow(/ENOENT/);
  });

  test("a second one ends with 75 and leaves the first one's socket alone", async () => {
    await using sandbox = new Sandbox();
    await using _daemon = await startDaemon(sandbox);
    const second = sandbox.daemon();
    const [code] = (await once(second, "exit")) as [number];
    expect(code).toBe(75);
    expect(await sandbox.control("status")).toMatchObject({ pid: process.pid });
  });

  test("serves the bytes that came together with the hello", async () => {
    await using sandbox = new Sandbox();
    await using _daemon = await startDaemon(sandbox);
    const ping = (id: number): string => line({ jsonrpc: "2.0", id, method: "ping" });
    const one = await client(sandbox, line(hello) + ping(1) + ping(2).slice(0, 20));
    await expect.poll(() => one.lines.length).toBe(2);
    expect(JSON.parse(one.lines[0] ?? "")).toMatchObject({ portwright: 1, pid: process.pid });
    expect(JSON.parse(one.lines[1] ?? "")).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
  });

  test("tells its clients why it ends, and ends", async () => {
    await using sandbox = new Sandbox();
    await using daemon = await startDaemon(sandbox);
    const one = await client(sandbox, line(hello));
    daemon.stop();
    expect(await daemon.exitCode).toBe(0);
    await one.closed;
    expect(JSON.parse(one.lines.at(-1) ?? "")).toEqual({
      jsonrpc: "2.0",
      method: closingMethod,
      params: { reason: "stop" },
    });
    // The lock is free again.
    const lock = acquireDaemonLock(sandbox.paths.lockFile);
    expect(lock).toBeDefined();
    lock?.release();
  });

  test("a client that does not read cannot keep it from ending", async () => {
    await using sandbox = new Sandbox();
    await using daemon = await startDaemon(sandbox);
    const socket = connect(sandbox.paths.socketFile);
    socket.on("error", () => {});
    const echo = line({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "echo", arguments: { a: "x".repeat(4096) } },
    });
    socket.write(line(hello) + echo.repeat(500));
    socket.pause();
    await expect.poll(async () => (await sandbox.control("status"))?.["clients"]).toBe(1);
    daemon.stop();
    expect(await daemon.exitCode).toBe(0);
    socket.destroy();
  });

  test("ends by itself when nobody is connected and nothing is wanted, and only then", async () => {
    await using sandbox = new Sandbox();
    await using daemon = await startDaemon(sandbox, { idleExitMs: 200 });
    const one = await client(sandbox, line(hello));
    await new Promise((resolve) => void setTimeout(resolve, 500));
    expect(await sandbox.control("status")).toBeDefined();
    one.end();
    expect(await daemon.exitCode).toBe(0);
  });

  test("stays while a service is wanted up", async () => {
    await using sandbox = new Sandbox();
    await using daemon = await startDaemon(sandbox, { idleExitMs: 1000 });
    const want = line({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "want" } });
    const one = await client(sandbox, line(hello) + want);
    await expect.poll(() => one.lines.length).toBe(2);
    one.end();
    await one.closed;
    await new Promise((resolve) => void setTimeout(resolve, 1500));
    expect(await sandbox.control("status")).toMatchObject({ services: { wanted: 1 }, clients: 0 });
    daemon.stop();
    await daemon.exitCode;
  });

  test("a socket path that no system takes is refused with the way out", async () => {
    await using sandbox = new Sandbox();
    const socketFile = `${sandbox.home}/${"long/".repeat(20)}daemon.sock`;
    await using daemon = await startDaemon(sandbox, { paths: { ...sandbox.paths, socketFile } });
    await expect(daemon.exitCode).rejects.toMatchObject({ code: "local_address_unavailable" });
  });

  test("an application that cannot be made leaves the lock free", async () => {
    await using sandbox = new Sandbox();
    await using daemon = await startDaemon(sandbox, { compose: () => Promise.reject(new TypeError("no")) });
    await expect(daemon.exitCode).rejects.toThrow("no");
    const lock = acquireDaemonLock(sandbox.paths.lockFile);
    expect(lock).toBeDefined();
    lock?.release();
  });
});

describe("a daemon process", () => {
  test("ends gracefully by SIGTERM, and not at all by SIGHUP", async () => {
    await using sandbox = new Sandbox();
    const daemon = sandbox.daemon();
    await expect.poll(() => sandbox.control("status"), { timeout: 10_000 }).toBeDefined();
    daemon.kill("SIGHUP");
    await new Promise((resolve) => void setTimeout(resolve, 100));
    expect(await sandbox.control("status")).toMatchObject({ pid: daemon.pid });
    daemon.kill("SIGTERM");
    expect(await once(daemon, "exit")).toEqual([0, null]);
    expect(() => lstatSync(sandbox.paths.socketFile)).toThrow(/ENOENT/);
  });

  test("survives a lost promise and ends by an exception; both are in its log, and the client's next call works", async () => {
    await using sandbox = new Sandbox();
    const shim = sandbox.shim();
    expect((await shim.call(1, "reject")).result?.structuredContent).toMatchObject({ summary: "rejected" });
    const pid = (await shim.call(2, "echo")).result?.structuredContent?.pid;
    await shim.call(3, "throw");
    const next = (await shim.call(4, "echo")).result?.structuredContent?.pid;
    expect(next).not.toBe(pid);
    const log = readFileSync(sandbox.paths.logFile, "utf8");
    expect(log).toContain("a promise was lost");
    expect(log).toContain("the daemon ends by an exception");
  });
});
