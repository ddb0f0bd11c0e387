import { mkdirSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { portwrightVersion } from "../../src/version.ts";
import { startRealDaemon } from "../support/real-daemon.ts";
import { clients, forEachClient, type McpClient } from "../support/mcp-clients.ts";
import { Sandbox } from "../support/processes.ts";
import { redisCommand } from "../support/redis-client.ts";
import { startRespServer, type RespServer } from "../support/resp-server.ts";
import { runCli, type CliRun } from "../support/run-cli.ts";
import { startShim, type ShimInProcess } from "../support/shim-in-process.ts";
import { newKey, startSshServer, type SshServer } from "../support/ssh-server.ts";
import { StreamTransport } from "../support/stream-transport.ts";

/** The whole product in this process but for `main.ts`: shim, socket, daemon, real adapters, an SSH server, a cache. */
describe("the real composition", () => {
  let sandbox: Sandbox;
  /** The working directory of clients: a file in the home folder itself is nobody's project. */
  let project: string;
  let ssh: SshServer;
  let cache: RespServer;
  let daemon: Awaited<ReturnType<typeof startRealDaemon>>;
  const shims: ShimInProcess[] = [];

  const startReal = async (): Promise<void> => {
    daemon = await startRealDaemon(sandbox);
  };
  const connected = async (connect = [...clients.values()][0]): Promise<McpClient> => {
    if (!connect) throw new Error("no client");
    const shim = startShim(sandbox, { version: portwrightVersion, cwd: project });
    shims.push(shim);
    return connect(new StreamTransport(shim.output, shim.input));
  };
  const portIn = (answer: Record<string, unknown>): number =>
    Number((answer["services"] as { endpoint: string }[])[0]?.endpoint.split(":").at(-1));

  beforeEach(async () => {
    sandbox = new Sandbox();
    project = join(sandbox.home, "project");
    mkdirSync(project);
    cache = await startRespServer();
    const key = newKey();
    ssh = await startSshServer({ authorizedKeys: [key.public] });
    const file = (name: string): string => join(project, name);
    await writeFile(file("id"), key.private, { mode: 0o600 });
    await writeFile(file("known_hosts"), ssh.knownHosts.map((line) => `${line}\n`).join(""));
    const connection = `{host: 127.0.0.1, port: ${ssh.port}, user: dev, key_file: ${file("id")}, known_hosts_file: ${file("known_hosts")}, remote_host: 127.0.0.1}`;
    await writeFile(
      file("portwright.yaml"),
      `version: "1.0"
services:
  - name: cache
    technology: ssh
    remote_port: ${cache.port}
    connection: ${connection}
    health_check: {type: redis, interval: 1s, timeout: 2s, failure_threshold: 1}
    exports: {REDIS_URL: "redis://\${host}:\${port}"}
  - name: nobody
    technology: ssh
    remote_port: 1
    connection: ${connection}
    health_check: {type: tcp, interval: 1s, timeout: 2s}
environments:
  - {name: dev, services: [cache], default: true}
  - {name: all, services: [cache, nobody]}
`,
    );
    await startReal();
  });
  afterEach(async () => {
    for (const shim of shims.splice(0)) await shim[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
    await ssh[Symbol.asyncDispose]();
    await cache[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
  });

  forEachClient((_name, connect) => {
    test("starts, forwards, tells, looks closer and stops", async () => {
      const client = await connected(connect);
      const started = await client.callTool("start_environment", {});
      expect(started.answer).toMatchObject({
        state: "ready",
        environment: "dev",
        services: [{ service: "cache", state: "ready", verified: { by: "redis PING" }, via: "ssh 127.0.0.1" }],
      });
      const port = portIn(started.answer);
      expect(await redisCommand(port, "PING")).toBe("+PONG");
      expect(started.answer["env"]).toMatchObject([{ name: "REDIS_URL", value: `redis://127.0.0.1:${port}` }]);

      const status = await client.callTool("get_status", { include: ["env"] });
      expect(status.answer).toMatchObject({ state: "ready" });
      expect(status.answer["ready"].rows[0].slice(0, 2)).toEqual(["cache", port]);
      expect((await client.callTool("probe", { service: "cache" })).isError).toBe(false);
      expect((await client.callTool("diagnose", { service: "cache" })).answer).toMatchObject({
        healthy: true,
        status: "healthy",
      });
      const waited = await client.callTool("wait_for", { service: "cache", state: "ready", timeout_s: 5 });
      expect(waited.answer).toMatchObject({ done: true, state: "ready" });
      const events = await client.callTool("query", { source: "events", service: "cache" });
      expect(events.isError).toBe(false);
      expect(JSON.stringify(events.answer)).toContain("cache");

      const stopped = await client.callTool("stop_environment", {});
      expect(stopped.answer).toMatchObject({ stopped: ["cache"] });
      await expect(redisCommand(port, "PING")).rejects.toThrow(/ECONNREFUSED/);
    });
  });

  test("a target that nobody listens on is found by diagnose, beside one that works", async () => {
    const client = await connected();
    const started = await client.callTool("start_environment", { environment: "all" });
    expect(started.answer["state"]).not.toBe("ready");
    const diagnosis = await client.callTool("diagnose", { service: "nobody" });
    expect(diagnosis.answer).toMatchObject({ healthy: false, root_cause: { code: "target_unreachable" } });
    expect(diagnosis.answer["ladder"].length).toBeGreaterThan(2);
    expect((await client.callTool("diagnose", { environment: "all" })).answer["healthy"]).toBe(false);
  });

  test("a cache that goes away is told at once, and comes back by itself", async () => {
    const client = await connected();
    const port = portIn((await client.callTool("start_environment", {})).answer);
    await cache.away();
    const told = async (): Promise<unknown> => (await client.callTool("get_status", {})).answer["not_ready"]?.[0];
    await expect.poll(told, { timeout: 10_000 }).toMatchObject({ service: "cache" });
    await cache.back();
    const back = await client.callTool("wait_for", { service: "cache", state: "ready", timeout_s: 20 });
    expect(back.answer).toMatchObject({ done: true, state: "ready" });
    expect(await redisCommand(port, "PING")).toBe("+PONG");
  });

  test("the next daemon over the same home restores what was wanted, under the same client and port", async () => {
    const client = await connected();
    const port = portIn((await client.callTool("start_environment", {})).answer);
    daemon.stop();
    expect(await daemon.exitCode).toBe(0);
    await expect(redisCommand(port, "PING")).rejects.toThrow(/ECONNREFUSED/);
    await startReal();
    await expect.poll(() => redisCommand(port, "PING").catch(() => "refused"), { timeout: 15_000 }).toBe("+PONG");
    // The same client goes on: its handshake was said again for it.
    expect((await client.callTool("get_status", {})).answer).toMatchObject({ state: "ready", environment: "dev" });
    expect((await client.listTools()).length).toBeGreaterThan(5);
  });

  test("resources, prompts and completion come through shim and socket", async () => {
    const client = await connected();
    await client.callTool("start_environment", {});
    const uris = (await client.listResources()).map(({ uri }) => String(uri));
    expect(uris.length).toBeGreaterThan(0);
    const statusUri = uris.find((uri) => uri.includes("status")) ?? "";
    expect(JSON.stringify(await client.readResource(statusUri))).toContain("cache");
    const [template] = await client.listResourceTemplates();
    const uriTemplate = String(template?.["uriTemplate"]);
    const service = await client.readResource(uriTemplate.replace(/\{[^}]+\}/, "cache"));
    expect(JSON.stringify(service)).toContain("redis PING");
    const prompts = (await client.listPrompts()).map(({ name }) => String(name));
    for (const name of prompts) {
      const args: Record<string, string> = name.includes("fail") ? { service: "cache" } : {};
      expect(await client.getPrompt(name, args)).not.toBe("");
    }
    const argument = /\{([^}]+)\}/.exec(uriTemplate)?.[1] ?? "";
    expect(await client.complete({ template: uriTemplate }, argument, "ca")).toEqual(["cache"]);
  });

  const inFormat =
    (output: string) =>
    (...words: string[]): Promise<CliRun> =>
      runCli(sandbox, [...words, "--output", output], { terminal: output === "table", cwd: project });
  /** One round of the commands, each with exit code 0. */
  const round = async (output: string): Promise<Record<"up" | "status" | "diagnose" | "daemon" | "down", string>> => {
    const cli = inFormat(output);
    const done = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await cli(...words);
      expect({ words, code, problem: stderr.includes("portwright:") }).toEqual({ words, code: 0, problem: false });
      return stdout;
    };
    return {
      up: await done("up"),
      status: await done("status", "--include", "env"),
      diagnose: await done("diagnose", "cache"),
      daemon: await done("daemon", "status"),
      down: await done("down"),
    };
  };

  test.each(["json", "yaml"])("the command line tells a program, as %s", async (output) => {
    const said = await round(output);
    expect(parse(said.up)).toMatchObject({ state: "ready", services: [{ service: "cache", state: "ready" }] });
    expect(parse(said.status)).toMatchObject({
      state: "ready",
      ready: { rows: [expect.arrayContaining(["cache"])] },
      env: [{ name: "REDIS_URL" }],
    });
    expect(parse(said.diagnose)).toMatchObject({ healthy: true });
    expect(parse(said.daemon)).toMatchObject({ pid: process.pid, services: { wanted: 1, ready: 1 } });
    expect(parse(said.down)).toMatchObject({ stopped: ["cache"] });
    const validated = await inFormat(output)("config", "validate");
    expect(parse(validated.stdout)).toMatchObject({ valid: true, services: ["cache", "nobody"] });
  });

  test.each(["text", "table"])("the command line tells a person, as %s", async (output) => {
    const said = await round(output);
    expect(said.up).toMatch(/REDIS_URL=redis:\/\/127\.0\.0\.1:\d+/);
    expect(said.status).toMatch(/cache.*ready.*verified \d+ s ago/s);
    expect(said.diagnose).toMatch(/transport|application/);
    expect(said.daemon).toContain(`(pid ${process.pid}): 1 of 1 wanted services ready`);
    expect(said.down).toMatch(/cache.*stopped/s);
    const validated = await inFormat(output)("config", "validate");
    expect(validated.stdout).toContain("2 services, 2 environments");
  });

  test("diagnose of what fails, call, and a daemon that runs already", async () => {
    const cli = inFormat("text");
    expect(await cli("daemon", "start")).toMatchObject({ code: 0 });
    const ill = await cli("diagnose", "nobody");
    expect(ill.code).toBe(1);
    expect(ill.stdout).toContain("nobody");
    const call = await cli("call", "get_status", '{"services": ["cache"]}');
    expect(call.code).toBe(0);
    expect(JSON.parse(call.stdout)).toMatchObject({ summary: expect.any(String) as string });
    expect(await sandbox.control("status")).toMatchObject({ pid: process.pid });
  });

  test("what fails has the exit code that is promised, and says why", async () => {
    const cli = (words: string[]) => runCli(sandbox, words, { cwd: project });
    const unknown = await cli(["diagnose", "chace", "--output", "json"]);
    expect(unknown.code).not.toBe(0);
    expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: "unknown_service" } });
    const wrong = await cli(["call", "get_status", '{"servces": []}']);
    expect(wrong.code).toBe(2);
    writeFileSync(join(project, "portwright.yaml"), "services: [\n");
    const broken = await cli(["up"]);
    expect(broken.code).toBe(3);
    expect(broken.stdout).toContain("config_invalid");
    const nowhere = await cli(["up", "--config", "no.yaml"]);
    expect(nowhere.code).toBe(3);
  });
});
