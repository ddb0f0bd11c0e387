import { connect as dialTcp, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually, isAlive } from "../support/eventually.ts";
import { makeHome, type Home } from "../support/home.ts";
import { clients, forEachClient, type McpClient } from "../support/mcp-clients.ts";
import { redisCommand } from "../support/redis-client.ts";
import { needsSsh, redisBehindBastion, testbed } from "../support/testbed.ts";
import { killNow } from "../support/kill-now.ts";

const portOf = (endpoint: string): number => Number(endpoint.split(":").at(-1));
const [connectOfficial] = clients.values();

interface Row {
  service: string;
  state: string;
  endpoint: string;
}
const readyPort = (answer: Record<string, unknown>): number => portOf((answer["services"] as Row[])[0]?.endpoint ?? "");

describe.skipIf(!testbed.ssh)(`the spine over the testbed's bastion ${testbed.ssh ? "" : needsSsh}`, () => {
  let home: Home;
  const open: McpClient[] = [];

  beforeEach(async () => {
    home = await makeHome();
    await home.configure(redisBehindBastion());
  });
  afterEach(async () => {
    for (const client of open.splice(0)) await client.close().catch(() => undefined);
    await home[Symbol.asyncDispose]();
  });

  const connected = async (connect = connectOfficial, env = {}): Promise<McpClient> => {
    if (!connect) throw new Error("no client");
    const client = await connect(home.mcp(env));
    open.push(client);
    return client;
  };

  forEachClient((_name, connect) => {
    test("[spine-ping] start, verified, PING through the local port, status says so, stop closes the port", async () => {
      const client = await connected(connect);
      const started = await client.callTool("start_environment", { environment: "dev" });
      expect(started.answer).toMatchObject({ state: "ready", environment: "dev" });
      expect(started.answer["services"]).toMatchObject([
        { service: "cache", state: "ready", verified: { by: "redis PING" }, via: "ssh 127.0.0.1" },
      ]);
      const port = readyPort(started.answer);
      expect(started.answer["env"]).toEqual([
        { name: "REDIS_URL", service: "cache", value: `redis://127.0.0.1:${port}` },
      ]);

      expect(await redisCommand(port, "PING")).toBe("+PONG");

      const status = await client.callTool("get_status", {});
      expect(status.answer).toMatchObject({ state: "ready" });
      expect(status.answer["ready"]["rows"][0].slice(0, 2)).toEqual(["cache", port]);

      const stopped = await client.callTool("stop_environment", {});
      expect(stopped.answer).toMatchObject({ stopped: ["cache"] });
      await expect(redisCommand(port, "PING")).rejects.toThrow(/ECONNREFUSED/);
    });
  });

  test("[spine-killed-session] [wait-for] a killed sshd session is told at once and comes back by itself", async () => {
    const client = await connected();
    const port = readyPort((await client.callTool("start_environment", {})).answer);
    const held = await openIdle(port);
    const pids = sessionPids(await home.daemonPid());
    expect(pids.length).toBeGreaterThan(0);
    pids.forEach(killNow);
    await new Promise((resolve) => held.once("close", resolve));
    const firstFailure = Date.now();
    const notReadyAt = await eventually(
      async () => {
        const { answer } = await client.callTool("get_status", {});
        return answer["state"] === "ready" && answer["ready"]["rows"][0][2] > 0 ? undefined : Date.now();
      },
      2000,
      10,
    );
    expect(notReadyAt - firstFailure).toBeLessThan(2000);
    const back = await client.callTool("wait_for", { service: "cache", state: "ready", timeout_s: 10 });
    expect(back.answer).toMatchObject({ done: true, state: "ready" });
    expect(await redisCommand(port, "PING")).toBe("+PONG");
  });

  test("[spine-kill-daemon] after kill -9 of the daemon the same client goes on, and services come back", async () => {
    const client = await connected();
    const port = readyPort((await client.callTool("start_environment", {})).answer);
    const daemon = await home.daemonPid();
    process.kill(daemon, "SIGKILL");
    await eventually(async () => !isAlive(daemon), 2000);
    const status = await client.callTool("get_status", {});
    expect(status.isError).toBe(false);
    const back = await client.callTool("wait_for", { service: "cache", state: "ready", timeout_s: 10 });
    expect(back.answer).toMatchObject({ done: true });
    expect(await redisCommand(port, "PING")).toBe("+PONG");
    expect(await home.daemonPid()).not.toBe(daemon);
  });

  test("[spine-eight-clients] eight clients at once from cold share one daemon", async () => {
    const eight = await Promise.all(Array.from({ length: 8 }, () => connected()));
    const answers = await Promise.all(eight.map((client) => client.callTool("start_environment", {})));
    expect(new Set(answers.map(({ answer }) => readyPort(answer))).size).toBe(1);
    expect(answers.every(({ answer }) => answer["state"] === "ready")).toBe(true);
    const { stdout } = await home.cli(["daemon", "status", "--output", "json"]);
    expect(JSON.parse(stdout)).toMatchObject({ clients: 8 });
  });

  test("[spine-kill-client] the forwards outlive a killed client", async () => {
    const client = await connected();
    const port = readyPort((await client.callTool("start_environment", {})).answer);
    const { pid } = client;
    if (pid === undefined) throw new Error("no process");
    process.kill(pid, "SIGKILL");
    await eventually(async () => !isAlive(pid), 3000);
    expect(await redisCommand(port, "PING")).toBe("+PONG");
  });

  test("[spine-leases] what another client wants stays up unless forced", async () => {
    const [one, two] = [await connected(), await connected()];
    const port = readyPort((await one.callTool("start_environment", {})).answer);
    await two.callTool("start_environment", {});
    const kept = await two.callTool("stop_environment", {});
    expect(kept.answer).toMatchObject({ stopped: [], kept: [{ service: "cache" }] });
    expect(await redisCommand(port, "PING")).toBe("+PONG");
    const forced = await two.callTool("stop_environment", { force: true });
    expect(forced.answer).toMatchObject({ stopped: ["cache"] });
  });

  test("[spine-port-taken] a taken local port is refused before anything is dialled, and its holder named", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as { port: number };
    await home.configure(redisBehindBastion(`    local_port: ${port}`));
    const client = await connected();
    const { answer } = await client.callTool("start_environment", {});
    expect(answer["services"]).toMatchObject([
      { service: "cache", state: "failed", code: "local_port_in_use", facts: { port, pid: process.pid } },
    ]);
    expect(sessionPids(await home.daemonPid())).toEqual([]);
    holder.close();
  });

  test.each([
    ["host_key_unknown", "empty"],
    ["host_key_changed", "known_hosts_wrong"],
  ])("[spine-host-key] %s is refused", async (code, file) => {
    const empty = join(home.path, "empty");
    await writeFile(empty, "");
    const knownHosts = file === "empty" ? empty : `${testbed.ssh?.clientDir}/${file}`;
    await home.configure(redisBehindBastion().replace(/known_hosts_file: .*/, `known_hosts_file: ${knownHosts}`));
    const client = await connected();
    const { answer } = await client.callTool("start_environment", {});
    expect(answer["services"]).toMatchObject([{ service: "cache", state: "failed", code }]);
    expect(answer["user_steps"]).toBeDefined();
  });

  test("[spine-cli] the command line does the same", async () => {
    const up = await home.cli(["up"]);
    expect(up).toMatchObject({ code: 0 });
    expect(up.stdout).toContain("cache");
    const call = await home.cli(["call", "get_status", "{}"]);
    expect(JSON.parse(call.stdout)).toMatchObject({ state: "ready" });
    expect((await home.cli(["down"])).code).toBe(0);
    expect((await home.cli(["config", "validate"])).code).toBe(0);
  });
});

/** A connection that stays open through the tunnel, as a program's pool has it. */
async function openIdle(port: number): Promise<Socket> {
  const socket = dialTcp(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write("PING\r\n");
  await once(socket, "data");
  return socket;
}

/** The sshd processes at the other end of a daemon's connections to the bastion, and no others. */
function sessionPids(daemon: number): number[] {
  const bastion = testbed.ssh?.bastionPort;
  const table = execFileSync("ss", ["-tnpH"]).toString();
  const rows = table.split("\n").map((line) => line.split(/\s+/));
  const local = rows
    .filter((row) => row[4]?.endsWith(`:${bastion}`) && row[5]?.includes(`pid=${daemon},`))
    .map((row) => row[3]);
  const far = rows.filter((row) => row[3]?.endsWith(`:${bastion}`) && local.includes(row[4]));
  return far.flatMap((row) => [...(row[5] ?? "").matchAll(/pid=(\d+)/g)].map((match) => Number(match[1])));
}
