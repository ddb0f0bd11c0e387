import { mkdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { frame } from "#cli/live-table.ts";
import { startRealDaemon } from "../support/real-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { Sandbox } from "../support/processes.ts";
import { startRespServer, type RespServer } from "../support/resp-server.ts";
import { runCli, type CliRun } from "../support/run-cli.ts";
import { newKey, startSshServer, type SshServer } from "../support/ssh-server.ts";

/** The commands for people and scripts over the real application, within this process. */
describe("the command line over the real application", () => {
  let sandbox: Sandbox;
  let project: string;
  let ssh: SshServer;
  let cache: RespServer;
  let daemon: Awaited<ReturnType<typeof startRealDaemon>>;
  const cli = (words: readonly string[], env: Record<string, string> = {}): Promise<CliRun> =>
    runCli(sandbox, words, { cwd: project, env });

  beforeEach(async () => {
    sandbox = new Sandbox();
    project = join(sandbox.home, "project");
    mkdirSync(project);
    cache = await startRespServer();
    const key = newKey();
    ssh = await startSshServer({ authorizedKeys: [key.public] });
    await writeFile(join(project, "id"), key.private, { mode: 0o600 });
    await writeFile(join(project, "known_hosts"), ssh.knownHosts.map((line) => `${line}\n`).join(""));
    const connection = `{host: 127.0.0.1, port: ${ssh.port}, user: dev, key_file: id, known_hosts_file: known_hosts, remote_host: 127.0.0.1}`;
    await writeFile(
      join(project, "portwright.yaml"),
      `version: "1.0"
services:
  - name: cache
    technology: ssh
    remote_port: ${cache.port}
    connection: ${connection}
    health_check: {type: redis, interval: 1s, timeout: 2s}
    exports: {REDIS_URL: "redis://\${host}:\${port}", LOGIN: "app:\${env:PW}@\${host}"}
  - name: plain
    technology: ssh
    remote_port: ${cache.port}
    connection: ${connection}
  - name: gone
    technology: ssh
    remote_port: 1
    connection: ${connection}
environments:
  - {name: dev, services: [cache], default: true}
  - {name: bare, services: [plain]}
  - {name: broken, services: [cache, gone]}
`,
    );
    daemon = await startRealDaemon(sandbox);
  });
  afterEach(async () => {
    await daemon[Symbol.asyncDispose]();
    await ssh[Symbol.asyncDispose]();
    await cache[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
  });

  test("[cli-run] run gives a program the variables, secrets only there, and answers its exit code", async () => {
    const out = join(project, "out.json");
    const program = `require("fs").writeFileSync(process.argv[1], JSON.stringify(process.env)); process.exit(7)`;
    const words = ["run", "dev", "--", process.execPath, "-e", program, out, "--output", "--help"];
    const done = await cli(words, { PW: "s3cret-pw" });
    expect(done).toMatchObject({ code: 7, stdout: "" });
    const seen = JSON.parse(await readFile(out, "utf8")) as Record<string, string>;
    expect(seen["REDIS_URL"]).toMatch(/^redis:\/\/127\.0\.0\.1:\d+$/);
    expect(seen["LOGIN"]).toBe("app:s3cret-pw@127.0.0.1");
    expect((await cli(["up", "dev"])).stdout).not.toContain("s3cret-pw");
    expect((await cli(["up", "dev"])).stdout).toContain("its secret is given by portwright run");
    expect(await cli(["run", "dev", "--", "no-such-program-here"], { PW: "x" })).toMatchObject({ code: 127 });
    expect(await cli(["run", "dev", "--", "sh", "-c", "kill -TERM $$"], { PW: "x" })).toMatchObject({ code: 143 });
    expect(await cli(["run", "dev"], { PW: "x" })).toMatchObject({ code: 2 });
    const refused = await cli(["run", "broken", "--", "true"], { PW: "x" });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("gone");
    expect(await cli(["run", "broken", "--partial", "--", "true"], { PW: "x" })).toMatchObject({ code: 0 });
  });

  test("[cli-env] env prints them for files, shells and scripts", async () => {
    await cli(["up", "dev"]);
    const pw = { PW: "it's" };
    expect((await cli(["env"], pw)).stdout).toContain('LOGIN="app:it\'s@127.0.0.1"');
    expect((await cli(["env", "--output", "shell"], pw)).stdout).toContain("export LOGIN='app:it'\\''s@127.0.0.1'");
    const json = await cli(["env", "dev", "--output", "json"], pw);
    expect(JSON.parse(json.stdout)).toMatchObject({ LOGIN: "app:it's@127.0.0.1" });
    expect((await cli(["env", "--output", "yaml"], pw)).stdout).toContain("LOGIN: app:it's@127.0.0.1");
    const missing = await cli(["env"]);
    expect(missing.stderr).toContain("PW");
    expect(missing.code).not.toBe(0);
    expect((await cli(["env", "bare"])).code).toBe(3);
    expect((await cli(["env", "nothing-like-it"])).code).toBe(1);
    expect((await cli(["env", "--output", "dotenvy"])).stderr).toContain("did you mean dotenv?");
  });

  test("[cli-history] history, logs and probe tell people what the tools tell models", async () => {
    await cli(["up", "dev"]);
    const lines = (await cli(["history", "cache", "--since", "1h"])).stdout.split("\n");
    expect(lines.findIndex((line) => line.includes("asked to start it\tterminal"))).toBeLessThan(
      lines.findIndex((line) => line.includes("starting → ready")),
    );
    expect(lines).toContain("cache: stopped → ready");
    const one = await cli(["history", "--kind", "client", "--limit", "1", "--output", "json"]);
    expect((JSON.parse(one.stdout) as { entries: object[] }).entries).toHaveLength(1);
    expect(await cli(["history", "--since", "some day"])).toMatchObject({ code: 2 });

    const link = await cli(["logs", "cache", "--link", "--limit", "5"]);
    expect(link.stdout).toContain("starting → ready");
    const own = await cli(["logs", "cache", "--since", "1h"]);
    expect(own).toMatchObject({ code: 1 });
    expect(own.stdout).toContain("not_supported");

    const probed = await cli(["probe", "cache"]);
    expect(probed).toMatchObject({ code: 0 });
    expect(probed.stdout).toContain("dial\t");
    await cli(["up", "--service", "gone"]);
    expect(await cli(["probe", "gone", "--type", "tcp"])).toMatchObject({ code: 1 });
  });

  test("[cli-watch] status --watch goes on as a stream of what is different, until it is told to end", async () => {
    await cli(["up", "dev"]);
    const before = process.listenerCount("SIGINT");
    const watching = cli(["status", "--watch", "--output", "json"]);
    const text = cli(["status", "--watch"]);
    await eventually(async () => process.listenerCount("SIGINT") === before + 2, 5000);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await cache.away();
    await eventually(async () => (await cli(["status"])).stdout.includes("0 of 1 ready"), 10_000, 200);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    for (const listener of process.listeners("SIGINT").slice(-2)) listener("SIGINT");
    const { code, stdout } = await watching;
    expect(code).toBe(0);
    const states = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { state: string }).state);
    expect(states[0]).toBe("ready");
    expect(states.at(-1)).not.toBe("ready");
    // What only ages is no change: two seconds of a ready service are one line.
    expect(states.filter((state) => state === "ready")).toHaveLength(1);
    expect((await text).stdout).toContain("1 of 1 ready");
    expect(process.listenerCount("SIGINT")).toBe(before);
  });

  test("on a terminal it draws over itself on the second screen", async () => {
    const before = process.listenerCount("SIGINT");
    const watching = runCli(sandbox, ["status", "--watch"], { cwd: project, terminal: true });
    await eventually(async () => process.listenerCount("SIGINT") === before + 1, 5000);
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const listener of process.listeners("SIGINT").slice(-1)) listener("SIGINT");
    const { stdout } = await watching;
    expect(stdout.startsWith("\u001b[?1049h")).toBe(true);
    expect(stdout.endsWith("\u001b[?1049l")).toBe(true);
    expect(stdout).toContain("every second; Ctrl-C ends");
  });
});

describe("a frame of the live table", () => {
  const rows = Array.from({ length: 100 }, (_, index) => [`service-${index}`, "ready", "127.0.0.1:1", "", ""]);
  const sheet = {
    summary: "dev: 100 of 100 ready.",
    columns: ["service", "state", "endpoint", "since", "problem"],
    rows,
  };

  test("fits the terminal, and says what it leaves out", () => {
    const lines = frame(sheet, { columns: 30, rows: 10 }, true, "footer");
    expect(lines).toHaveLength(9);
    expect(lines.at(-1)).toBe("footer");
    expect(lines.at(-2)).toBe("dev: 100 of 100 ready.");
    expect(lines.at(-3)).toMatch(/^… \d+ more lines$/);
    // oxlint-disable-next-line no-control-regex
    for (const line of lines) expect(line.replaceAll(/\u001b\[[0-9;]*m/g, "").length).toBeLessThanOrEqual(30);
    expect(frame({ ...sheet, rows: rows.slice(0, 2) }, { columns: 80, rows: 24 }, false, "footer")).toHaveLength(6);
  });
});
