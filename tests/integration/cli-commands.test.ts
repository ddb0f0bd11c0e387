import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "#cli/commands.ts";
import { Sandbox } from "../support/processes.ts";
import { runCli } from "../support/run-cli.ts";

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = new Sandbox();
});
afterAll(() => sandbox[Symbol.asyncDispose]());

describe("the command line", () => {
  test.each(Object.keys(commands))(
    "%s --help shows its options and examples that start with the command",
    async (name) => {
      const { code, stdout } = await runCli(sandbox, [name, "--help"]);
      expect(code).toBe(0);
      expect(stdout).toContain(`Usage: portwright ${name}`);
      expect(stdout).toMatch(new RegExp(`Examples:\n.*portwright ${name}`));
      expect(stdout).toContain("--config FILE");
    },
  );

  test("shows itself and its version", async () => {
    expect((await runCli(sandbox, ["--help"])).stdout).toContain("Exit codes:");
    expect((await runCli(sandbox, ["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await runCli(sandbox, [])).toMatchObject({ code: 2, stdout: "" });
  });

  test.each([
    [["stauts"], "unknown command stauts (did you mean status?)"],
    [["--versoin"], "unknown option --versoin (did you mean --version?)"],
    [["up", "--servce", "db"], "unknown option --servce (did you mean --service?)"],
    [["status", "--output", "jsn"], "--output is one of text, table, json, yaml (did you mean json?)"],
    [["status", "--config"], "--config needs a value"],
    [["up", "--replace=yes"], "--replace takes no value"],
    [["up", "dev", "test"], "usage: portwright up"],
    [["diagnose", "a", "b"], "usage: portwright diagnose [SERVICE]"],
    [["daemon", "stats"], "unknown action stats (did you mean status?); it is one of start, stop, status, logs, run"],
    [["config", "valdiate"], "unknown action valdiate (did you mean validate?)"],
    [["call", "get_status", "{"], "one JSON object"],
    [["daemon", "logs", "--lines", "many"], "--lines needs a whole number"],
  ])("%j is wrong usage: exit code 2, and what was meant", async (words, said) => {
    const run = await runCli(sandbox, words);
    expect(run.code).toBe(2);
    expect(run.stdout).toBe("");
    expect(run.stderr).toContain(said);
  });
});

describe("commands that ask the daemon", () => {
  test("without one, status and stop say so", async () => {
    await using cold = new Sandbox();
    const status = await runCli(cold, ["daemon", "status"]);
    expect(status).toMatchObject({ code: 4, stdout: "" });
    expect(status.stderr).toContain("no daemon is running");
    const json = await runCli(cold, ["daemon", "status", "--output", "json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: "daemon_unreachable" } });
    expect(await runCli(cold, ["daemon", "stop"])).toMatchObject({ code: 0, stdout: "No daemon was running.\n" });
  });

  test("daemon start, status, logs and stop", async () => {
    await using own = new Sandbox();
    expect(await runCli(own, ["daemon", "start"])).toMatchObject({ code: 0 });
    const status = JSON.parse((await runCli(own, ["daemon", "status", "--output", "json"])).stdout) as { pid: number };
    expect(Object.keys(status)).toEqual(["pid", "version", "uptime_s", "clients", "services", "connections", "log"]);
    const logs = await runCli(own, ["daemon", "logs", "--lines", "1000"]);
    expect(logs.stdout).toContain("the daemon is ready");
    const stopped = await runCli(own, ["daemon", "stop"]);
    expect(stopped.stdout).toContain(`(pid ${status.pid}) ended`);
    expect(await own.control("status")).toBeUndefined();
  });

  test("up prints endpoints, problems, variables and steps, and fails when not all is ready", async () => {
    const run = await runCli(sandbox, ["up", "dev", "--service", "cache", "--service", "db"]);
    expect(run.code).toBe(1);
    expect(run.stdout.split("\n")).toEqual([
      "dev: 1 of 2 ready.",
      "cache\tready\t127.0.0.1:6379\tredis PING, 8 ms\t-",
      "db\twaiting\t127.0.0.1:5432\t-\tcredentials_expired, staging",
      "REDIS_URL=redis://127.0.0.1:6379",
      "DATABASE_URL=postgres://x  (its secret is given by portwright run)",
      "→ run aws sso login (the session expired)",
      "",
    ]);
    const json = JSON.parse((await runCli(sandbox, ["up", "dev", "--output", "json"])).stdout) as { asked: string };
    expect(JSON.parse(json.asked)).toEqual({ environment: "dev" });
  });

  test("status is a coloured table on a terminal, and plain with NO_COLOR", async () => {
    const run = await runCli(sandbox, ["status"], { terminal: true });
    expect(run.code).toBe(0);
    expect(run.stdout).toContain("SERVICE  STATE    ENDPOINT        SINCE");
    expect(run.stdout).toContain("\u001b[32mready");
    const plain = await runCli(sandbox, ["status"], { terminal: true, env: { NO_COLOR: "1" } });
    expect(plain.stdout).not.toContain("\u001b");
    expect(plain.stdout).toContain("cache    ready    6379            verified 0 s ago");
    const text = await runCli(sandbox, ["status"]);
    expect(text.stdout).toContain("db\twaiting\t127.0.0.1:5432\t720 s\tcredentials_expired");
  });

  test("down says what stayed and for whom", async () => {
    const run = await runCli(sandbox, ["down", "--force", "--output", "yaml"]);
    expect(run.code).toBe(0);
    expect(run.stdout).toContain("summary: Stopped 1.\nstopped:\n  - cache\n");
    expect((await runCli(sandbox, ["down"])).stdout).toContain("db\tkept\tvscode");
  });

  test("diagnose prints the cause with its evidence; text from outside cannot drive the terminal", async () => {
    const run = await runCli(sandbox, ["diagnose", "db"], { terminal: true });
    expect(run.code).toBe(1);
    expect(run.stdout).toContain("container_oom_killed: Killed at 256Mi.");
    expect(run.stdout).toContain("  last termination: OOMKilled (pod db-0)");
    expect(run.stdout).toContain("  | [2J10:02 Killed");
    expect(run.stdout).not.toContain("\u001b[2J");
  });

  test("call prints the structured answer as JSON, and fails when it is an error", async () => {
    const run = await runCli(sandbox, ["call", "echo", '{"a":1}', "--config", "some.yaml", "--output", "text"]);
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      arguments: { a: 1 },
      hello: { name: "terminal", config: `${sandbox.home}/some.yaml`, cwd: sandbox.home },
    });
    const more = await runCli(sandbox, ["call", "echo", "--tools", "ssh"]);
    expect(JSON.parse(more.stdout)).toMatchObject({ tools: "ssh" });
    const failed = await runCli(sandbox, ["call", "fail"]);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({ error: { code: "unknown_service" } });
    const unknown = await runCli(sandbox, ["call", "get_stauts"]);
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toContain("Unknown tool");
  });

  test("progress is shown on a terminal only", async () => {
    expect((await runCli(sandbox, ["call", "slow"], { terminal: true })).stderr).toContain("dialling");
    expect((await runCli(sandbox, ["call", "slow"])).stderr).toBe("");
  });

  test("a daemon that ends during the call is exit code 4", async () => {
    await using own = new Sandbox();
    const run = await runCli(own, ["call", "crash"]);
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(run.stderr).toContain("the daemon ended during the call");
  });

  test("a daemon that cannot be started is exit code 4, with the end of its log", async () => {
    await using own = new Sandbox({ PORTWRIGHT_TEST_BROKEN: "1" });
    // The variable reaches the daemon because its name is ours.
    const run = await runCli(own, ["status"]);
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(run.stderr).toContain("the daemon cannot be started");
    expect(run.stderr).toContain("first line of the log");
  });
});

describe("portwright config", () => {
  test("the schema is one that editors take", async () => {
    const run = await runCli(sandbox, ["config", "schema"]);
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ type: "object", properties: { services: { type: "array" } } });
  });

  test("validate prints every problem where it is, with the nearest name, and exits with 3", async () => {
    await using own = new Sandbox();
    const file = join(own.home, "portwright.yaml");
    writeFileSync(
      file,
      `version: "1.0"
services:
  - name: cache
    technology: ssh
    local_prt: 6379
    remote_port: 70000
    connection: {host: bastion}
`,
    );
    const run = await runCli(own, ["config", "validate", "portwright.yaml"]);
    expect(run.code).toBe(3);
    expect(run.stdout).toMatch(/portwright\.yaml:5:5: .*local_prt.*did you mean .?local_port/);
    expect(run.stdout).toMatch(/portwright\.yaml:6:\d+: /);
    expect(run.stdout).toContain("is not valid: 2 errors.");
    const json = await runCli(own, ["config", "validate", "--config", file, "--output", "json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      valid: false,
      path: file,
      problems: [{ line: 5, nearest: "local_port" }, {}],
    });

    writeFileSync(file, readFileSync(file, "utf8").replace("local_prt", "local_port").replace("70000", "6379"));
    const valid = await runCli(own, ["config", "validate", "--config", file]);
    expect(valid).toMatchObject({ code: 0, stderr: "" });
    expect(valid.stdout).toContain("is valid: 1 service, ");
    const missing = await runCli(own, ["config", "validate", "--config", "nowhere.yaml"]);
    expect(missing).toMatchObject({ code: 3, stdout: "" });
    expect(missing.stderr).toContain("(config_not_found)");
  });
});
