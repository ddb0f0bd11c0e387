import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import { createSystemClock } from "#adapters/system/clock.ts";
import type { LocalConnection, LocalListener } from "#application/ports/local-listener.ts";
import { startEcho, startTarget, type Target } from "../contract/forward-driver-targets.ts";
import { eventually } from "../support/eventually.ts";

const listeners = createLocalListeners({
  portOwners: { find: () => Promise.resolve(undefined) },
  clock: createSystemClock(),
});

let dir: string;
let file: string;
const open: (LocalListener | Target)[] = [];

beforeEach(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), "portwright-sock-"));
  file = path.join(dir, "db.sock");
});
afterEach(async () => {
  for (const one of open.splice(0)) await ("close" in one ? one.close() : one[Symbol.asyncDispose]());
  await rm(dir, { recursive: true, force: true });
});

const listen = async (at: string, onConnection: (connection: LocalConnection) => void = () => {}) => {
  const listener = await listeners.listen(at, 0, onConnection);
  open.push(listener);
  return listener;
};

describe("a Unix socket as the local end", () => {
  test("[ssh-forward-sockets] is this user's alone, relays both ways with half-close, and goes with its listener", async () => {
    const echo = await startEcho();
    open.push(echo);
    const listener = await listen(file, (connection) => {
      void connection.relay(net.connect({ host: "127.0.0.1", port: echo.port, allowHalfOpen: true }));
    });
    expect(listener).toMatchObject({ host: file, port: 0 });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const client = net.connect({ path: file, allowHalfOpen: true });
    client.end("hello");
    expect(String(Buffer.concat(await client.toArray()))).toBe("hello");
    await listener.close();
    await expect(stat(file)).rejects.toThrow("ENOENT");
  });

  test("a client that waits, and one that is reset", async () => {
    const accepted: LocalConnection[] = [];
    await listen(file, (connection) => {
      connection.onGone(() => undefined);
      accepted.push(connection);
    });
    const client = net.connect({ path: file, allowHalfOpen: true });
    // Half-closed and waiting for an answer: not gone.
    client.end("hello");
    await eventually(async () => accepted.length > 0, 2000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const target = await startTarget();
    open.push(target);
    void accepted[0]?.relay(net.connect({ host: "127.0.0.1", port: target.port, allowHalfOpen: true }));
    const [bytes] = (await once(await target.next(), "data")) as [Buffer];
    expect(String(bytes)).toBe("hello");
    const second = net.connect(file);
    const closed = once(second, "close");
    await eventually(async () => accepted.length > 1, 2000);
    accepted[1]?.reset();
    second.resume();
    await closed;
  });

  test("what a killed process left is replaced; what lives, or is no socket, stays", async () => {
    const source = `require("node:net").createServer().listen(${JSON.stringify(file)}, () => console.log("up"))`;
    const child = spawn(process.execPath, ["-e", source], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    await expect(listen(file)).rejects.toMatchObject({ code: "local_port_in_use", facts: { socket: file } });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect((await stat(file)).isSocket()).toBe(true);
    const listener = await listen(file);
    await listener.close();
    await writeFile(file, "precious");
    await expect(listen(file)).rejects.toMatchObject({ code: "local_port_in_use" });
    await symlink(file, path.join(dir, "link.sock"));
    await expect(listen(path.join(dir, "link.sock"))).rejects.toMatchObject({ code: "local_port_in_use" });
  });

  test("a folder that is not there, and a path that is too long", async () => {
    await expect(listen(path.join(dir, "none", "db.sock"))).rejects.toMatchObject({
      code: "local_address_unavailable",
      facts: { socket: path.join(dir, "none", "db.sock") },
    });
    await expect(listen(path.join(dir, "x".repeat(120)))).rejects.toMatchObject({ code: "local_address_unavailable" });
  });
});
