/** `plan`, `apply`, `approve` and `trust`, over a daemon with canned answers. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDaemon } from "../support/daemon-in-process.ts";
import { Sandbox } from "../support/processes.ts";
import { runCli } from "../support/run-cli.ts";

let sandbox: Sandbox;
let daemon: Awaited<ReturnType<typeof startDaemon>>;
beforeAll(async () => {
  sandbox = new Sandbox();
  daemon = await startDaemon(sandbox);
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});

describe("[plan-cli] approve", () => {
  test("shows the plan, takes the word, and nothing else", async () => {
    const yes = await runCli(sandbox, ["approve", "add-redis-7c2f"], { person: ["approve"] });
    expect(yes).toMatchObject({ code: 0, stdout: "add-redis-7c2f is approved.\n" });
    expect(yes.stderr).toContain("- name: redis");
    expect(yes.stderr).toContain("because it touches production");
    expect(yes.stderr).toContain("connection.password: ${file:[2Jpw}");
    const no = await runCli(sandbox, ["approve", "add-redis-7c2f", "--output", "json"], { person: ["y"] });
    expect(no.code).toBe(1);
    expect(JSON.parse(no.stdout)).toEqual({ approved: false, plan_id: "add-redis-7c2f" });
    const unknown = await runCli(sandbox, ["approve", "add-x-0000"], { person: ["approve"] });
    expect(unknown.stderr).toContain("no such plan");
  });
  test("wants a terminal: without one nobody is asked", async () => {
    const run = await runCli(sandbox, ["approve", "add-redis-7c2f"]);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain("needs a person at a terminal");
  });
});

describe("[ssh-login-by-person] portwright ssh login", () => {
  test("shows what a server asks, fenced and without what a terminal obeys, and passes on what is typed", async () => {
    const run = await runCli(sandbox, ["ssh", "login", "bastion"], { person: ["123", "s3cret"] });
    expect(run).toMatchObject({ code: 0, stdout: "bastion heard 123 and s3cret\n" });
    expect(run.stderr).toContain("me@bastion says:\n  | PAM[2J\n  | two\n  | lines\n");
    expect(run.stderr).toContain("(me@bastion) Code: (me@bastion) Password: [hidden]");
  });
  test("wants a terminal: without one nobody is asked", async () => {
    const run = await runCli(sandbox, ["ssh", "login", "bastion"]);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain("needs a person at a terminal");
  });
});

describe("[plan-cli] trust", () => {
  test("shows the keys and takes the word", async () => {
    const yes = await runCli(sandbox, ["trust"], { person: ["trust"] });
    expect(yes).toMatchObject({ code: 0, stdout: "trusted\n" });
    expect(yes.stderr).toContain("db  connection.password: ${command:pass db}");
    expect((await runCli(sandbox, ["trust"], { person: [""] })).code).toBe(1);
    expect((await runCli(sandbox, ["trust", "--show"])).stdout).toContain("${command:pass db}");
    expect((await runCli(sandbox, ["trust", "--revoke"])).stdout).toBe("not trusted any more\n");
  });
});

describe("[plan-cli] plan and apply", () => {
  test("plan lists, shows and makes", async () => {
    expect((await runCli(sandbox, ["plan"])).code).toBe(0);
    expect((await runCli(sandbox, ["plan", "add-redis-7c2f"])).stdout).toContain("- name: redis");
    expect((await runCli(sandbox, ["plan", "--remove", "cache"])).stdout).toContain(
      "portwright apply remove-cache-11aa",
    );
    expect((await runCli(sandbox, ["plan", "--rollback-to", "3"])).stdout).toContain("Nothing would change");
  });
  test("apply asks first, or takes the sentence", async () => {
    const asked = await runCli(sandbox, ["apply", "add-redis-7c2f", "--output", "json"], { person: ["yes"] });
    expect(JSON.parse(asked.stdout)).toMatchObject({ generation: 15 });
    expect(asked.stdout).toContain('\\"confirm\\":\\"Add redis.\\"');
    expect((await runCli(sandbox, ["apply", "add-redis-7c2f"], { person: ["no"] })).code).toBe(1);
    const scripted = await runCli(sandbox, ["apply", "x-1234", "--confirm", "Add redis.", "--only", "redis"]);
    expect(scripted.stdout).toContain("redis PING");
    expect((await runCli(sandbox, ["apply", "x-1234"])).stderr).toContain("needs a person at a terminal");
  });
});

describe("[proposal] config init", () => {
  test("shows what was found, asks, and applies it; where there is a file it says so", async () => {
    const yes = await runCli(sandbox, ["config", "init", "--output", "text"], { person: ["y"] });
    expect(yes.stderr).toContain("redis  staging/data/service/redis:6379  name matches  (REDIS_URL)");
    expect(yes.stderr).toContain("orders  a/b/service/orders:80 or c/b/service/orders:80");
    expect(yes.stdout).toContain("Applied as generation 15.");
    expect((await runCli(sandbox, ["config", "init"], { person: ["n"] })).code).toBe(1);
    expect((await runCli(sandbox, ["config", "init", "--yes"])).code).toBe(0);
    writeFileSync(join(sandbox.home, "portwright.yaml"), "services: []\n");
    const there = await runCli(sandbox, ["config", "init", "--yes", "--config", join(sandbox.home, "portwright.yaml")]);
    expect(there.stderr).toContain("is there already");
    expect(there.code).toBe(1);
  });
});
