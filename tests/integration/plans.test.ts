/** Plan, apply, verify, roll back: over real files, store and sockets. */
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createConfigEditor } from "#adapters/config-files/editor.ts";
import type { TargetSource } from "#application/ports/target-source.ts";
import type { PersonRequest } from "#application/usecases/person-request.ts";
import type { FoundTarget } from "#domain/discovery/target.ts";
import { eventually } from "../support/eventually.ts";
import {
  makePortwright,
  redisCheck,
  serviceYaml,
  type TestClient,
  type TestPortwright,
  type Told,
} from "../support/portwright.ts";
import { redisCommand } from "../support/redis-client.ts";
import { startRespServer, type RespServer } from "../support/resp-server.ts";

let server: RespServer;
let portwright: TestPortwright;
let client: TestClient;

beforeEach(async () => {
  server = await startRespServer();
  portwright = await makePortwright();
});
afterEach(async () => {
  await portwright[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const cache = (name = "cache", keys = ""): string =>
  serviceYaml(name, server.port, `${redisCheck}${keys === "" ? "" : `, ${keys}`}`);
const text = (): Promise<string> => readFile(portwright.file, "utf8");
const portOf = (endpoint: string): number => Number(endpoint.split(":").at(-1));
const redisKeys = (port = server.port): Record<string, unknown> => ({
  technology: "ssh",
  remote_port: port,
  connection: { host: "direct" },
  health_check: { type: "redis", interval: "1s", timeout: "1s" },
});

/** Starts all, and gives the local port of each. */
async function started(services: readonly string[], rest = ""): Promise<Record<string, number>> {
  await portwright.configure(services, rest);
  client = await portwright.connect();
  const told = await client.call("startEnvironment", {});
  expect(told["state"]).toBe("ready");
  return Object.fromEntries(told["services"].map((row: Told) => [row["service"], portOf(row["endpoint"])]));
}

async function openThrough(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write("PING\r\n");
  await once(socket, "data");
  return socket;
}

const person = (request: PersonRequest): Promise<Told> =>
  portwright.application.person(request, client.session, {
    interaction: { answer: () => Promise.resolve([]) },
    signal: new AbortController().signal,
  });
const apply = (plan: Told, more: object = {}): Promise<Told> =>
  client.call("applyPlan", { plan_id: plan["plan_id"], confirm: plan["confirm"], ...more });
const stateOf = async (service: string): Promise<string> => {
  const told = await client.call("getStatus", { services: [service] });
  if (told["ready"]) return "ready";
  return told["stopped"] ? "stopped" : told["not_ready"][0].state;
};

describe("a plan", () => {
  test("[plan-apply] adds a service: shown, applied, verified; comments and running connections stay", async () => {
    const ports = await started(
      [cache("one"), `${cache("two")} # the second`],
      "environments:\n  - {name: dev, services: [one, two], default: true}\n",
    );
    const open = await openThrough(ports["one"] ?? 0);
    const before = await text();
    const plan = await client.call("configureService", {
      changes: [
        { service: "redis", set: { ...redisKeys(), exports: { REDIS_URL: "redis://${host}:${port}" } }, add_to: "dev" },
      ],
    });
    expect(plan).toMatchObject({
      risk: "low",
      base_generation: 1,
      impact: { starts: ["redis"], restarts: [], stops: [], breaks_connections: 0, env: ["+REDIS_URL"] },
      next_steps: [{ tool: "apply_plan", arguments: { plan_id: plan["plan_id"], confirm: plan["confirm"] } }],
    });
    expect(plan["plan_id"]).toMatch(/^add-redis-[0-9a-f]{4}$/);
    expect(plan["confirm"]).toMatch(/^Add redis: 127\.0\.0\.1:.* → ssh\/direct:\d+, in dev\. Restarts nothing\.$/);
    expect(plan["expires_in_s"]).toBeGreaterThan(880);
    expect(plan["expires_in_s"]).toBeLessThanOrEqual(900);
    expect(plan["changes"].map(({ id, op }: Told) => [id, op])).toEqual([
      ["redis", "add"],
      ["env:dev", "change"],
    ]);
    expect(plan["changes"][0].yaml).toContain("name: redis");
    expect(await text()).toBe(before);

    const applied = await apply(plan);
    expect(applied).toMatchObject({
      outcome: "applied",
      generation: 2,
      verified: [{ service: "redis", state: "ready", by: "redis PING" }],
      env_changed: [{ name: "REDIS_URL" }],
      undo: { tool: "configure_service", arguments: { rollback_to: 1 } },
    });
    expect(await text()).toContain("# the second");
    expect(await text()).toContain("name: redis");
    open.write("PING\r\n");
    await once(open, "data");
    open.destroy();
    expect(portwright.store.wanted().map(({ service }) => service)).toEqual(["one", "two", "redis"]);
    // It is through: a second time is told so.
    expect(await apply(plan)).toMatchObject({ outcome: "stale", error: { code: "plan_stale" } });
  });

  test("[plan-confirm] is applied with its own sentence only, in its time, over the text that it was made from", async () => {
    await started([cache()]);
    const change = { changes: [{ service: "cache", set: { description: "a cache" } }] };
    const plan = await client.call("configureService", change);
    await expect(
      client.call("applyPlan", { plan_id: plan["plan_id"], confirm: `${plan["confirm"]} ` }),
    ).rejects.toMatchObject({ code: "invalid_arguments" });
    await expect(client.call("applyPlan", { plan_id: "no-such-1234", confirm: "x" })).rejects.toMatchObject({
      code: "unknown_plan",
    });
    await portwright.write(`${await text()}# a comment\n`);
    expect(await apply(plan)).toMatchObject({ outcome: "stale", error: { code: "plan_stale" } });
    expect(await text()).not.toContain("a cache");
    const anew = await client.call("configureService", change);
    expect(await apply(anew)).toMatchObject({ outcome: "applied" });
    expect(await client.call("configureService", change)).toMatchObject({ changes: [] });
  });

  test("[plan-rollback] is rolled back, file and all, when what was ready is not any more", async () => {
    const ports = await started([cache("orders"), cache("other")]);
    const open = await openThrough(ports["other"] ?? 0);
    const before = await text();
    const plan = await client.call("configureService", { changes: [{ service: "orders", set: { remote_port: 1 } }] });
    expect(plan).toMatchObject({ risk: "review", impact: { restarts: ["orders"] } });
    const told = await apply(plan);
    expect(told).toMatchObject({
      outcome: "rolled_back",
      generation: 1,
      because: [{ service: "orders", before: "ready" }],
      verified: [{ service: "orders", state: "ready" }],
    });
    expect(await text()).toBe(before);
    expect(await redisCommand(ports["orders"] ?? 0, "PING")).toBe("+PONG");
    open.write("PING\r\n");
    await once(open, "data");
    open.destroy();
    expect(await client.call("getStatus", {})).toMatchObject({ generation: 1, state: "ready" });
  });

  test("[plan-remove] of a service mends what names it, and goes back to a kept generation", async () => {
    await started(
      [cache("db"), cache("api", "depends_on: [db]"), cache("web")],
      "environments:\n  - {name: dev, services: [db, api], default: true}\n",
    );
    await client.call("startEnvironment", { services: ["web"] });
    const before = await text();
    const plan = await client.call("removeService", { service: "DB" });
    expect(plan).toMatchObject({ dependents: ["api"], risk: "review", impact: { stops: ["db"], restarts: [] } });
    expect(plan["changes"].map(({ id, op }: Told) => [id, op])).toEqual([
      ["api", "change"],
      ["db", "remove"],
      ["env:dev", "change"],
    ]);
    expect(await apply(plan)).toMatchObject({ outcome: "applied", generation: 2 });
    expect(await text()).not.toMatch(/\bdb\b/);
    expect(portwright.store.wanted().map(({ service }) => service)).toEqual(["api", "web"]);
    expect(await stateOf("api")).toBe("ready");
    const back = await client.call("configureService", { rollback_to: 1 });
    expect(back["summary"]).toContain("Go back to generation 1");
    expect(await apply(back)).toMatchObject({ outcome: "applied", generation: 3 });
    expect(await text()).toBe(before);
    await expect(client.call("configureService", { rollback_to: 77 })).rejects.toMatchObject({
      code: "invalid_arguments",
    });
  });

  test("[plan-policy] holds references in credential fields only, and no key that runs a program", async () => {
    await started([cache()]);
    const refused = (set: object): Promise<void> =>
      expect(
        client.call("configureService", { changes: [{ service: "cache", set: set as Record<string, unknown> }] }),
      ).rejects.toMatchObject({
        code: "refused_by_policy",
      });
    await refused({ connection: { password: "${command:vault read x}" } });
    await refused({ connection: { password: "${file:/etc/shadow}" } });
    await refused({ connection: { password: "hunter2" } });
    await refused({ connection: { proxy_command: "nc evil 1" } });
    await refused({ connection: { known_hosts_file: "/tmp/x" } });
    await refused({ connection: { host: "${env:EVIL}" } });
    await refused({ description: "${env:AWS_SECRET_ACCESS_KEY}" });
    await refused({ health_check: { type: "command", config: { run: ["x"] } } });
    await refused({ exports: { X: "postgres://u:secret@${host}" } });
    const fine = { connection: { password: "${env:PASSWORD}" } };
    expect(await client.call("configureService", { changes: [{ service: "cache", set: fine }] })).toHaveProperty(
      "plan_id",
    );
  });

  test("says what would not be valid, and changes nothing", async () => {
    await started([cache()]);
    const before = await text();
    const ask = (changes: object[]): Promise<Told> => client.call("configureService", { changes });
    await expect(ask([{ service: "cache", set: { locl_port: 1 } }])).rejects.toMatchObject({
      code: "invalid_arguments",
    });
    await expect(ask([{ service: "Cache", set: { local_port: 1 } }])).rejects.toMatchObject({
      code: "invalid_arguments",
    });
    await expect(ask([{ service: "new", set: redisKeys(), add_to: "stging" }])).rejects.toMatchObject({
      code: "unknown_environment",
    });
    await expect(ask([])).rejects.toMatchObject({ code: "invalid_arguments" });
    await expect(ask([{ service: "a", environment: "b" }])).rejects.toMatchObject({ code: "invalid_arguments" });
    await expect(client.call("configureService", {})).rejects.toMatchObject({ code: "invalid_arguments" });
    expect(await text()).toBe(before);
  });

  test("[plan-confirm] is not applied when it is old, or made for another workspace", async () => {
    await started([cache()]);
    const change = { changes: [{ service: "cache", set: { description: "x" } }] };
    const made = await client.call("configureService", change);
    const kept = portwright.plans.plan(made["plan_id"])?.plan;
    if (!kept) throw new TypeError("the plan is kept");
    portwright.plans.savePlan({ ...kept, id: "change-cache-0000", expiresMs: 1 });
    expect(await apply({ ...made, plan_id: "change-cache-0000" } as Told)).toMatchObject({
      outcome: "stale",
      error: { code: "plan_expired" },
    });
    await expect(person({ ask: "plan", plan: "change-cache-0000" })).rejects.toMatchObject({ code: "plan_expired" });
    const elsewhere = join(portwright.folder, "elsewhere");
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, "portwright.yaml"), "services: []\n");
    const other = await portwright.connect({ cwd: elsewhere });
    await expect(other.call("applyPlan", { plan_id: made["plan_id"], confirm: made["confirm"] })).rejects.toMatchObject(
      { code: "unknown_plan" },
    );
  });

  test("names the file where it is not the client's own", async () => {
    await started([cache()]);
    const empty = join(portwright.folder, "..", `empty-${Date.now()}`);
    const guest = await portwright.connect({ cwd: empty });
    const plan = await guest.call("configureService", { changes: [{ service: "cache", set: { description: "x" } }] });
    expect(plan["confirm"]).toContain(`In ${portwright.file}: `);
  });

  test("[plan-approve] what restarts a service of another client wants a person", async () => {
    await started([cache(), cache("mine")]);
    const other = await portwright.connect({ name: "vscode" });
    await other.call("startEnvironment", { services: ["cache"] });
    const set = { waiting_room: { timeout: "3s" } };
    const plan = await client.call("configureService", { changes: [{ service: "cache", set }] });
    expect(plan).toMatchObject({ risk: "restricted", impact: { other_clients: ["vscode"] } });
    expect(plan["reasons"][0]).toContain("vscode");
    expect(await client.call("configureService", { changes: [{ service: "mine", set }] })).toMatchObject({
      risk: "review",
    });
  });

  test("a cancelled application leaves everything as it was", async () => {
    await started([cache("orders")]);
    const before = await text();
    const plan = await client.call("configureService", { changes: [{ service: "orders", set: { remote_port: 1 } }] });
    const ending = new AbortController();
    const applying = client.call("applyPlan", { plan_id: plan["plan_id"], confirm: plan["confirm"] }, ending.signal);
    await eventually(async () => (await text()) !== before, 5000, 5);
    ending.abort();
    await expect(applying).rejects.toMatchObject({ code: "cancelled" });
    expect(await text()).toBe(before);
    await eventually(async () => (await stateOf("orders")) === "ready", 5000);
    expect(portwright.plans.journals()).toEqual([]);
  });

  test("[plan-killed] what a killed process was applying is undone before anything is read", async () => {
    await started([cache()]);
    const before = await text();
    const made = await client.call("configureService", { changes: [{ service: "two", set: redisKeys() }] });
    const half = `${before}# half applied\n`;
    const holder = { clientId: "gone", clientName: "gone" };
    portwright.store.setWanted({ workspace: portwright.file, service: "two" }, holder, 1);
    portwright.plans.beginApply({
      plan: made["plan_id"],
      workspace: portwright.file,
      digest: createConfigEditor().digest(half),
      baseGeneration: 1,
      before,
      started: ["two"],
    });
    // The process dies between the file and the end: watched no more, nothing else reads it.
    const dying = portwright;
    portwright = await dying.crash(() => writeFile(dying.file, half));
    await portwright.application.restore();
    expect(await text()).toBe(before);
    expect(portwright.store.wanted().map(({ service }) => service)).toEqual(["cache"]);
    expect(portwright.plans.journals()).toEqual([]);
    expect(portwright.plans.audits(portwright.file, { limit: 1 })[0]).toMatchObject({ did: "interrupted" });
    client = await portwright.connect();
    expect(await apply(made)).toMatchObject({ outcome: "stale" });
  });

  test("a port that another workspace holds is said before anything is applied", async () => {
    const ports = await started([cache()]);
    const elsewhere = join(portwright.folder, "elsewhere");
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, "portwright.yaml"), `services:\n  - ${cache("far")}\n`);
    const other = await portwright.connect({ cwd: elsewhere });
    const set = { ...redisKeys(), local_port: ports["cache"] ?? 0 };
    await expect(other.call("configureService", { changes: [{ service: "x", set }] })).rejects.toMatchObject({
      code: "local_port_in_use",
      facts: { owner_service: "cache" },
    });
    const free = await other.call("configureService", {
      changes: [{ service: "x", set: { ...redisKeys(), local_port: 1 } }],
    });
    expect(free["checked"]).toContain("no other service of yours holds port 1");
    // A remote forward leads to that port, and opens none.
    const connection = { host: "b", direction: "remote" };
    const remote = { technology: "ssh", local_port: ports["cache"] ?? 0, remote_port: 9000, connection };
    const planned = await other.call("configureService", { changes: [{ service: "back", set: remote }] });
    expect(planned["plan_id"]).toEqual(expect.any(String));
  });

  test("only: a part of a plan", async () => {
    await started([cache()]);
    const plan = await client.call("configureService", {
      changes: [
        { service: "a", set: redisKeys() },
        { service: "b", set: redisKeys() },
      ],
    });
    await expect(apply(plan, { only: ["c"] })).rejects.toMatchObject({ code: "invalid_arguments" });
    expect(await apply(plan, { only: ["b"] })).toMatchObject({ outcome: "applied", verified: [{ service: "b" }] });
    expect(await text()).not.toContain("name: a");
  });

  test("makes the first configuration of a folder", async () => {
    client = await portwright.connect();
    const plan = await client.call("configureService", { changes: [{ service: "redis", set: redisKeys() }] });
    expect(plan["base_generation"]).toBe(0);
    expect(await apply(plan)).toMatchObject({
      outcome: "applied",
      generation: 1,
      verified: [{ service: "redis", state: "ready" }],
    });
    expect(await text()).toMatch(/^version: "1.0"\n/);
    expect(await stateOf("redis")).toBe("ready");
  });

  test("the file keeps its mode and the link that leads to it", async () => {
    const real = join(portwright.folder, "real");
    await mkdir(real);
    await portwright.configure([cache()]);
    await rename(portwright.file, join(real, "shared.yaml"));
    await chmod(join(real, "shared.yaml"), 0o600);
    await symlink(join(real, "shared.yaml"), portwright.file);
    client = await portwright.connect();
    await client.call("startEnvironment", {});
    const plan = await client.call("configureService", { changes: [{ service: "two", set: redisKeys() }] });
    expect(await apply(plan)).toMatchObject({ outcome: "applied" });
    expect((await stat(join(real, "shared.yaml"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(real, "shared.yaml"), "utf8")).toContain("name: two");
  });
});

describe("what a person says", () => {
  const production =
    "environments:\n  - {name: live, services: [cache], production: true}\n  - {name: dev, services: [], default: true}\n";

  test("[plan-approve] a restricted plan wants a person, bound to what was shown", async () => {
    await portwright.configure([cache()], production);
    client = await portwright.connect();
    await client.call("startEnvironment", { environment: "live" });
    const plan = await client.call("configureService", { changes: [{ service: "cache", set: { description: "x" } }] });
    expect(plan).toMatchObject({
      risk: "restricted",
      user_steps: [{ command: `portwright approve ${plan["plan_id"]}` }],
    });
    expect(await apply(plan)).toMatchObject({
      outcome: "needs_person",
      error: { code: "approval_required" },
      next_steps: [{ tool: "wait_for", arguments: { event: "plan_approved" } }],
    });
    const id = plan["plan_id"] as string;
    const shown = await person({ ask: "plan", plan: id });
    await expect(person({ ask: "approve", plan: id, digest: "0".repeat(32) })).rejects.toMatchObject({
      code: "plan_stale",
    });
    const waiting = client.call("waitFor", { event: "plan_approved", timeout_s: 10 });
    await person({ ask: "approve", plan: id, digest: String(shown["digest"]) });
    expect(await waiting).toMatchObject({ done: true });
    // Who asks late is told as well.
    expect(await client.call("waitFor", { event: "plan_approved", timeout_s: 0 })).toMatchObject({ done: true });
    expect(await client.call("getStatus", { include: ["plans"] })).toMatchObject({
      plans: [{ plan_id: id, approved: true }],
    });
    expect(await apply(plan)).toMatchObject({ outcome: "applied" });
  });

  test("[plan-trust] trust is bound to the keys: it makes them work, and ends when one changes", async () => {
    const keys = (file: string): string[] => [
      cache(),
      serviceYaml("secret", server.port, `health_check: {type: redis, config: {password: "\${file:${file}}"}}`),
    ];
    await portwright.configure(keys("pw"));
    client = await portwright.connect();
    await client.call("startEnvironment", {});
    const codeOf = async (): Promise<string | undefined> =>
      (await client.call("getStatus", { services: ["secret"] }))["not_ready"]?.[0]?.code;
    expect(await codeOf()).toBe("workspace_untrusted");
    const shown = await person({ ask: "trust_keys" });
    expect(shown).toMatchObject({
      trusted: false,
      keys: [{ where: "secret", key: "health_check.config.password", text: "${file:pw}" }],
    });
    await person({ ask: "trust", digest: shown["digest"] });
    await eventually(async () => (await codeOf()) !== "workspace_untrusted", 5000);
    // An edit of such a key waits for a person, and what was in force still is.
    await portwright.configure(keys("other"));
    const held = await client.call("getStatus", { include: ["plans"] });
    expect(held).toMatchObject({
      generation: 1,
      configuration_finding: { code: "approval_required" },
      plans: [{ risk: "restricted" }],
    });
    await expect(person({ ask: "trust", digest: shown["digest"] })).rejects.toMatchObject({
      code: "plan_stale",
    });
    const again = await person({ ask: "trust_keys" });
    await person({ ask: "trust", digest: again["digest"] });
    expect(await client.call("getStatus", {})).toMatchObject({ generation: 2 });
    expect(await client.call("getStatus", {})).not.toHaveProperty("configuration_finding");
    expect(await person({ ask: "distrust" })).toMatchObject({ trusted: false });
    expect(await person({ ask: "trust_keys" })).toMatchObject({ trusted: false });
    expect(await person({ ask: "propose" })).toMatchObject({ state: "proposal" });
  });

  test("[reload-approve] an edit of production waits, and is in force once it is approved", async () => {
    await portwright.configure([cache()], production);
    client = await portwright.connect();
    await client.call("startEnvironment", { environment: "live" });
    await portwright.configure([cache("cache", "description: new")], production);
    const status = await client.call("getStatus", { include: ["plans"] });
    const [waiting] = status["plans"];
    expect(status["user_steps"]?.[0]?.command).toBe(`portwright approve ${waiting.plan_id}`);
    const shown = await person({ ask: "plan", plan: waiting.plan_id });
    const told = await person({ ask: "approve", plan: waiting.plan_id, digest: shown["digest"] });
    expect(told).toMatchObject({ generation: 2 });
  });
});

describe("start_environment without a configuration", () => {
  const target = (name: string, port: number, protocol: string, context = "staging"): FoundTarget => ({
    kind: "kubernetes",
    target: `${context}/data/service/${name}:${port}`,
    object: `${context}/data/service/${name}`,
    name,
    places: [context, "data"],
    port,
    protocol,
    resource: "service",
    hints: [],
  });
  const source: TargetSource = {
    kind: "kubernetes",
    find: () =>
      Promise.resolve({
        targets: [target("redis", 6379, "redis"), target("orders", 80, "http"), target("orders", 80, "http", "dev")],
        unreadable: [],
        places: [{ context: "staging", current: true }],
      }),
  };

  test("[proposal] answers with a plan made from the repository, which apply_plan writes and starts", async () => {
    await using fresh = await makePortwright({ sources: [source] });
    const project = join(fresh.folder, "project");
    await mkdir(project);
    await writeFile(
      join(project, ".env.example"),
      "# what it needs\nREDIS_URL=redis://localhost:6379\nexport ORDERS_URL='http://orders'\nSECRET=x\n",
    );
    const caller = await fresh.connect({ cwd: project });
    const told = await caller.call("startEnvironment", {});
    expect(told).toMatchObject({
      state: "proposal",
      services: [
        {
          service: "redis",
          from: "REDIS_URL in .env.example",
          target: "staging/data/service/redis:6379",
          certainty: "name and port match",
        },
        { service: "orders", candidates: ["staging/data/service/orders:80", "dev/data/service/orders:80"].toSorted() },
      ],
      next_steps: [{ tool: "apply_plan", arguments: { plan_id: told["plan_id"] } }],
    });
    expect(told["plan_id"]).toMatch(/^new-dev-[0-9a-f]{4}$/);
    expect(told["confirm"]).toBe("Writes portwright.yaml with redis from context staging and starts them.");
    expect(told["looked_at"]).toContain(".env.example");
    const applied = await caller.call("applyPlan", { plan_id: told["plan_id"], confirm: told["confirm"] });
    expect(applied).toMatchObject({ outcome: "applied", generation: 1 });
    const written = await readFile(join(project, "portwright.yaml"), "utf8");
    expect(written).toContain("REDIS_URL: redis://${host}:${port}");
    expect(written).toContain("name: dev");
    expect((await caller.call("getStatus", {}))["environment"]).toBe("dev");
  });

  test("[proposal] comes also where another workspace was used before, for a folder that says what it needs", async () => {
    await using fresh = await makePortwright({ sources: [source] });
    await fresh.configure([cache()]);
    const first = await fresh.connect();
    await first.call("startEnvironment", {});
    const bare = await mkdtemp(join(tmpdir(), "portwright-bare-"));
    const guest = await fresh.connect({ cwd: bare });
    expect((await guest.call("startEnvironment", {})).summary).toContain("used last");
    await writeFile(join(bare, ".env.example"), "REDIS_URL=redis://localhost:6379\n");
    const told = await guest.call("startEnvironment", {});
    expect(told).toMatchObject({ state: "proposal", services: [{ service: "redis" }] });
    expect(told.summary).not.toContain("used last");
    expect(await guest.call("startEnvironment", { services: ["cache"] })).toMatchObject({ state: "ready" });
    await rm(bare, { recursive: true });
  });

  test("says what it looked at when nothing fits, and where no configuration would be found", async () => {
    client = await portwright.connect();
    const told = await client.call("startEnvironment", {});
    expect(told).toMatchObject({ state: "proposal", user_steps: [{ do: "edit" }] });
    expect(told).not.toHaveProperty("plan_id");
    const home = await portwright.connect({ env: { HOME: portwright.folder } });
    await expect(
      home.call("configureService", { changes: [{ service: "a", set: redisKeys() }] }),
    ).rejects.toMatchObject({
      code: "config_not_found",
    });
  });
});
