import { connect as dialTcp, createServer } from "node:net";
import { once } from "node:events";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { eventually } from "../support/eventually.ts";
import {
  makePortwright,
  redisCheck,
  serviceYaml,
  type TestClient,
  type TestPortwright,
} from "../support/portwright.ts";
import { redisCommand } from "../support/redis-client.ts";
import { startRespServer, type RespServer } from "../support/resp-server.ts";

const unreachable = new ConnectivityError("host_unreachable", "the bastion does not answer", { host: "direct" });
const portOf = (endpoint: string): number => Number(endpoint.split(":").at(-1));

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
const stateOf = async (service: string): Promise<string> => {
  const told = await client.call("getStatus", { services: [service] });
  if (told["ready"]) return "ready";
  return told["stopped"] ? "stopped" : told["not_ready"][0].state;
};
const becomes = (service: string, state: string, withinMs = 8000): Promise<unknown> =>
  eventually(async () => (await stateOf(service)) === state, withinMs, 20);

describe("start_environment", () => {
  test("ready: verified endpoints and variables; asked again, nothing is dialled", async () => {
    await portwright.configure([cache("cache", 'exports: {REDIS_URL: "redis://${host}:${port}"}')]);
    client = await portwright.connect();
    const told = await client.call("startEnvironment", {});
    expect(told).toMatchObject({ state: "ready", environment: "default", next_steps: [] });
    const [row] = told["services"];
    expect(row).toMatchObject({
      service: "cache",
      state: "ready",
      verified: { by: "redis PING" },
      via: "a direct connection",
    });
    expect(told["env"]).toEqual([{ name: "REDIS_URL", service: "cache", value: `redis://${row.endpoint}` }]);
    expect(await redisCommand(portOf(row.endpoint), "PING")).toBe("+PONG");
    expect(client.progress).toContain("cache is ready");
    const again = await client.call("startEnvironment", {});
    expect(again["services"][0].endpoint).toBe(row.endpoint);
    expect(portwright.driver.opens).toBe(1);
  });

  test("partial: what waits says why and what to do, once for all that share the cause", async () => {
    await portwright.configure([cache("one"), cache("two"), serviceYaml("three", 1, "health_check: {type: tcp}")]);
    client = await portwright.connect();
    const told = await client.call("startEnvironment", {});
    expect(told).toMatchObject({ state: "partial" });
    expect(told.summary).toMatch(/2 of 3 ready .* three failed: /);
    expect(told["services"][2]).toMatchObject({ state: "failed", code: "target_unreachable" });
    expect(told.next_steps).toMatchObject([{ tool: "diagnose", arguments: { service: "three" } }]);
  });

  test("failed, then ready by itself when the cause goes", async () => {
    await portwright.configure([cache()]);
    portwright.driver.refuseWith = unreachable;
    client = await portwright.connect();
    const told = await client.call("startEnvironment", {});
    expect(told).toMatchObject({ state: "failed", services: [{ state: "waiting", code: "host_unreachable" }] });
    expect(told.next_steps).toMatchObject([{ tool: "wait_for", arguments: { service: "cache", state: "ready" } }]);
    portwright.driver.refuseWith = undefined;
    expect(await client.call("waitFor", { service: "cache", state: "ready" })).toMatchObject({ done: true });
  });

  test("[start-after-mending] what a person has mended is tried before it is answered, also where nothing is tried by itself", async () => {
    await portwright.configure([cache()]);
    portwright.driver.refuseWith = new ConnectivityError("host_key_changed", "another key");
    client = await portwright.connect();
    expect(await client.call("startEnvironment", {})).toMatchObject({ services: [{ code: "host_key_changed" }] });
    portwright.driver.refuseWith = undefined;
    expect(await client.call("startEnvironment", {})).toMatchObject({ state: "ready" });
    portwright.driver.refuseWith = new ConnectivityError("host_key_changed", "another key");
    const action = "restart";
    expect(await client.call("controlService", { service: "cache", action })).toMatchObject({
      code: "host_key_changed",
    });
    portwright.driver.refuseWith = undefined;
    expect(await client.call("controlService", { service: "cache", action: "start" })).toMatchObject({
      state: "ready",
    });
  });

  test("starting: an answer with an operation after the call was taken back, which wait_for takes up", async () => {
    server.silent = true;
    await portwright.configure([serviceYaml("cache", server.port, "health_check: {type: redis, timeout: 60s}")]);
    client = await portwright.connect();
    const ending = new AbortController();
    const calling = client.call("startEnvironment", {}, ending.signal);
    await eventually(async () => server.connections > 0, 3000);
    ending.abort();
    const told = await calling;
    expect(told).toMatchObject({ state: "starting", operation: expect.stringMatching(/^op-/) });
    const waiting = client.call("waitFor", { operation: told["operation"] });
    await client.call("controlService", { service: "cache", action: "stop" });
    expect(await waiting).toMatchObject({ done: true });
    await expect(client.call("waitFor", { operation: "op-nothing" })).rejects.toMatchObject({
      code: "target_not_found",
    });
  });

  test("without a configuration it is a proposal; without services it says so", async () => {
    client = await portwright.connect();
    expect(await client.call("startEnvironment", {})).toMatchObject({ state: "proposal" });
    expect(await client.call("getStatus", {})).toMatchObject({ state: "idle" });
    await portwright.write('version: "1.0"\nservices: []\n');
    await expect(client.call("startEnvironment", {})).rejects.toMatchObject({ code: "config_invalid" });
    const status = await client.call("getStatus", {});
    expect(status).toMatchObject({ state: "idle", next_steps: [] });
    expect(status.summary).toMatch(/no enabled service/);
  });

  test("a file that is not valid is refused with all that is wrong", async () => {
    await portwright.write('version: "1.0"\nservices:\n  - {name: a, technolgy: ssh}\n');
    client = await portwright.connect();
    for (const verb of ["startEnvironment", "getStatus", "diagnose"] as const)
      await expect(client.call(verb, {})).rejects.toMatchObject({ code: "config_invalid" });
  });

  test("names: as people write them, never guessed by a tool that changes things, and guessed aloud by one that reads", async () => {
    await portwright.configure([cache("payments-db")], "environments: [{name: shop, services: [payments-db]}]\n");
    client = await portwright.connect();
    expect(await client.call("startEnvironment", { services: ["Payments_DB"] })).toMatchObject({ state: "ready" });
    const change = client.call("startEnvironment", { services: ["paymnets-db"] });
    await expect(change).rejects.toMatchObject({ code: "unknown_service", facts: { nearest: "payments-db" } });
    const stop = client.call("controlService", { service: "paymnets-db", action: "stop" });
    await expect(stop).rejects.toMatchObject({ code: "unknown_service" });
    await expect(client.call("startEnvironment", { environment: "shp" })).rejects.toMatchObject({
      code: "unknown_environment",
    });
    const read = await client.call("getStatus", { services: ["paymnets-db"] });
    expect(read.summary).toMatch(/^There is no service paymnets-db; this is about payments-db\./);
    expect(await client.call("getStatus", { environment: "dev" })).toMatchObject({ environment: "shop" });
  });

  test("a disabled service: left out of its environment, refused by name, told to those that need it", async () => {
    await portwright.configure([cache("off", "enabled: false"), cache("web", "depends_on: [off]")]);
    client = await portwright.connect();
    for (const call of [
      client.call("startEnvironment", { services: ["OFF"] }),
      client.call("controlService", { service: "off", action: "start" }),
    ])
      await expect(call).rejects.toMatchObject({ code: "service_disabled" });
    const told = await client.call("startEnvironment", {});
    expect(told["services"]).toMatchObject([
      { service: "off", state: "failed", code: "service_disabled" },
      { service: "web", state: "waiting", code: "dependency_failed", blames: "off" },
    ]);
    expect(portwright.driver.opens).toBe(0);
  });
});

describe("dependencies", () => {
  const chain = (): string[] => [cache("web", "depends_on: [api]"), cache("api", "depends_on: [db]"), cache("db")];

  test("start in order; a failing one is the named root of all that wait for it, and all follow when it heals", async () => {
    const db = serviceYaml("db", 1, "health_check: {type: redis, interval: 1s}");
    await portwright.configure([cache("web", "depends_on: [api]"), cache("api", "depends_on: [db]"), db]);
    client = await portwright.connect();
    const told = await client.call("startEnvironment", {});
    expect(told["services"].map((row: { service: string }) => row.service)).toEqual(["db", "api", "web"]);
    expect(told["services"][1]).toMatchObject({ code: "dependency_failed", blames: "db" });
    expect(told["services"][2]).toMatchObject({ code: "dependency_failed", blames: "db" });
    expect(told["services"][2].message).toBe("waits for api (because of db): target_unreachable");
    const why = await client.call("diagnose", { service: "web" });
    expect(why).toMatchObject({ root_cause: { service: "db", code: "target_unreachable" }, healthy: false });
    const all = await client.call("diagnose", {});
    expect(all).toMatchObject({ status: "found", root_cause: { service: "db", explains: ["web", "api", "db"] } });
    await portwright.configure(chain());
    await becomes("web", "ready");
  });

  test("one that was stopped by a person is named to those that wait for it, with the call that starts it", async () => {
    await portwright.configure(chain());
    client = await portwright.connect();
    await client.call("startEnvironment", {});
    const stopped = await client.call("controlService", { service: "db", action: "stop" });
    expect(stopped.summary).toBe("db is stopped. api depends on it and stays up.");
    expect(await stateOf("api")).toBe("ready");
    portwright = await portwright.crash();
    await portwright.application.restore();
    client = await portwright.connect();
    await becomes("api", "waiting");
    expect(await stateOf("db")).toBe("stopped");
    const why = await client.call("diagnose", { service: "api" });
    expect(why).toMatchObject({
      root_cause: { code: "dependency_failed", message: "waits for db: db is stopped" },
      next_steps: [{ tool: "control_service", arguments: { service: "db", action: "start" } }],
    });
    await client.call("controlService", { service: "db", action: "start" });
    await becomes("web", "ready");
  });

  test("a dependency that an edit brings is started with it, and stays wanted", async () => {
    await portwright.configure([cache("web"), cache("db")], "environments: [{name: dev, services: [web]}]\n");
    client = await portwright.connect();
    await client.call("startEnvironment", {});
    await portwright.configure(
      [cache("web", "depends_on: [db]"), cache("db")],
      "environments: [{name: dev, services: [web]}]\n",
    );
    await becomes("web", "ready");
    await becomes("db", "ready");
    expect(portwright.store.wanted().map(({ service }) => service)).toContain("db");
  });
});

describe("ports", () => {
  test("replace stops what else this workspace runs there; take_over what another one does; never what another client wants", async () => {
    const { port } = server;
    const environments = "environments: [{name: a, services: [blue]}, {name: b, services: [green]}]\n";
    await portwright.configure([cache("blue"), cache("green")], environments);
    client = await portwright.connect();
    const [blue] = (await client.call("startEnvironment", { environment: "a" }))["services"];
    const local = portOf(blue.endpoint);
    await portwright.configure([cache("blue"), cache("green", `local_port: ${local}`)], environments);
    const refused = await client.call("startEnvironment", { environment: "b" });
    expect(refused["services"][0]).toMatchObject({ code: "local_port_in_use", facts: { owner_service: "blue" } });
    const why = await client.call("diagnose", { service: "green" });
    expect(why.next_steps).toMatchObject([
      { tool: "start_environment", arguments: { services: ["green"], replace: true } },
    ]);
    expect(await client.call("startEnvironment", { environment: "b", replace: true })).toMatchObject({
      state: "ready",
    });
    expect(await stateOf("blue")).toBe("stopped");

    const folder = join(portwright.folder, "other");
    await mkdir(folder);
    const text = `version: "1.0"\nservices:\n  - ${serviceYaml("mine", port, `${redisCheck}, local_port: ${local}`)}\n`;
    await writeFile(join(folder, "portwright.yaml"), text);
    const other = await portwright.connect({ cwd: folder, name: "another" });
    expect((await other.call("startEnvironment", {}))["services"][0]).toMatchObject({ code: "local_port_in_use" });
    expect((await other.call("diagnose", { service: "mine" })).next_steps).toMatchObject([
      { arguments: { take_over: true } },
    ]);
    const held = other.call("startEnvironment", { take_over: true });
    await expect(held).rejects.toMatchObject({ code: "held_by_other_client", facts: { service: "green" } });
    expect(await stateOf("green")).toBe("ready");
    client.session[Symbol.dispose]();
    expect(await other.call("startEnvironment", { take_over: true })).toMatchObject({ state: "ready" });
  });

  test("a remembered port is kept over a restart; when somebody else has it, another is chosen, remembered, and said", async () => {
    await portwright.configure([cache()]);
    client = await portwright.connect();
    const first = portOf((await client.call("startEnvironment", {}))["services"][0].endpoint);
    portwright = await portwright.crash();
    await portwright.application.restore();
    client = await portwright.connect();
    await becomes("cache", "ready");
    expect(portOf((await client.call("startEnvironment", {}))["services"][0].endpoint)).toBe(first);
    await client.call("stopEnvironment", {});
    const taken = createServer().listen(first, "127.0.0.1");
    await once(taken, "listening");
    const second = portOf((await client.call("startEnvironment", {}))["services"][0].endpoint);
    expect(second).not.toBe(first);
    const { rows } = await client.call("query", { source: "events", match: "from now on" });
    expect(rows).toMatchObject([{ service: "cache", text: expect.stringContaining(String(second)) }]);
    await client.call("stopEnvironment", {});
    taken.close();
    expect(portOf((await client.call("startEnvironment", {}))["services"][0].endpoint)).toBe(second);
  });
});

describe("leases", () => {
  test("what another connected client wants stays, unless forced or that one is gone", async () => {
    await portwright.configure([cache("one"), cache("two")]);
    client = await portwright.connect({ name: "claude" });
    const other = await portwright.connect({ name: "vscode" });
    await client.call("startEnvironment", {});
    await other.call("startEnvironment", { services: ["two"] });
    const told = await client.call("stopEnvironment", {});
    expect(told).toMatchObject({ stopped: ["one"], kept: [{ service: "two", for: ["vscode"] }] });
    expect(told.next_steps).toMatchObject([{ arguments: { services: ["two"], force: true } }]);
    await client.call("startEnvironment", {});
    await expect(client.call("controlService", { service: "two", action: "restart" })).rejects.toMatchObject({
      code: "held_by_other_client",
    });
    // A refused restart leaves our own lease where it was.
    const kept = await other.call("stopEnvironment", { services: ["two"] });
    expect(kept).toMatchObject({ stopped: [], kept: [{ for: ["claude"] }] });
    other.session[Symbol.dispose]();
    expect(await client.call("stopEnvironment", { services: ["two"] })).toMatchObject({ stopped: ["two"] });
    const third = await portwright.connect({ name: "third" });
    await third.call("startEnvironment", {});
    expect(await client.call("stopEnvironment", { force: true })).toMatchObject({ stopped: ["one", "two"] });
    expect(portwright.application.status().services).toMatchObject({ wanted: 0, ready: 0 });
  });

  test("except keeps some, with all that they need", async () => {
    await portwright.configure([cache("web", "depends_on: [db]"), cache("db"), cache("extra")]);
    client = await portwright.connect();
    await client.call("startEnvironment", {});
    const told = await client.call("stopEnvironment", { except: ["web"] });
    expect(told).toMatchObject({ stopped: ["extra"] });
    expect(await client.call("getStatus", {})).toMatchObject({ state: "partial", stopped: ["extra"] });
  });
});

describe("restart and edits", () => {
  test("after a crash what was wanted comes back, what was stopped does not", async () => {
    await portwright.configure([cache("one"), cache("two")]);
    client = await portwright.connect();
    await client.call("startEnvironment", {});
    await client.call("controlService", { service: "two", action: "stop" });
    portwright = await portwright.crash();
    await portwright.application.restore();
    client = await portwright.connect();
    await becomes("one", "ready");
    expect(await stateOf("two")).toBe("stopped");
    expect(portwright.application.status().services).toMatchObject({ wanted: 1, defined: 2 });
  });

  test("a file that is away at the restart: nothing runs, nothing is forgotten, all comes back with it", async () => {
    await portwright.configure([cache()]);
    client = await portwright.connect();
    await client.call("startEnvironment", {});
    const { file } = portwright;
    await rename(file, `${file}.away`);
    portwright = await portwright.crash();
    await portwright.application.restore();
    expect(portwright.application.status().services).toMatchObject({ wanted: 0 });
    await rename(`${file}.away`, file);
    client = await portwright.connect();
    await becomes("cache", "ready");
  });

  test("a file that is deleted while its services run: they run on, and it is said", async () => {
    await portwright.configure([cache()]);
    client = await portwright.connect();
    await client.call("startEnvironment", {});
    await rm(portwright.file);
    const told = await client.call("getStatus", {});
    expect(told).toMatchObject({
      state: "ready",
      configuration_problems: [expect.stringContaining("no configuration file")],
    });
    expect(told.summary).toMatch(/last valid reading is in force/);
    await expect(client.call("startEnvironment", {})).rejects.toMatchObject({ code: "config_invalid" });
    expect(await client.call("stopEnvironment", {})).toMatchObject({ stopped: ["cache"] });
  });

  test("an edit replaces what it changes; what it does not touch keeps its connection; an invalid one changes nothing", async () => {
    await portwright.configure([cache("kept"), cache("changed")]);
    client = await portwright.connect();
    const [kept] = (await client.call("startEnvironment", {}))["services"];
    const socket = dialTcp(portOf(kept.endpoint), "127.0.0.1");
    let closed = false;
    socket.on("close", () => (closed = true)).on("error", () => undefined);
    await once(socket, "connect");
    await portwright.write("services: [");
    const told = await client.call("getStatus", {});
    expect(told).toMatchObject({ state: "ready", configuration_problems: [expect.any(String)] });
    await portwright.configure([cache("kept"), cache("changed", "waiting_room: {timeout: 1s}")]);
    await becomes("changed", "ready");
    expect(portwright.driver.opens).toBe(3);
    expect((await client.call("getStatus", {}))["configuration_problems"]).toBeUndefined();
    await portwright.configure([cache("kept")]);
    await client.call("getStatus", {});
    expect(closed).toBe(false);
    // Gone from the file, it is still wanted: it comes back with the file's next branch.
    await portwright.configure([cache("kept"), cache("changed")]);
    await becomes("changed", "ready");
    await portwright.configure([cache("kept")]);
    expect(await client.call("stopEnvironment", {})).toMatchObject({ stopped: ["kept", "changed"] });
    socket.destroy();
  });

  test("an edit is seen by the call after it, and by one that waits", async () => {
    await portwright.configure([serviceYaml("cache", 1, redisCheck)]);
    client = await portwright.connect();
    await client.call("startEnvironment", {});
    const waiting = client.call("waitFor", { service: "cache", state: "ready", timeout_s: 20 });
    await portwright.configure([cache()]);
    expect(await waiting).toMatchObject({ done: true });
  });

  test("a missing variable is waited for, and a newer client brings it", async () => {
    await portwright.configure([cache("cache", 'description: "${env:WHO}"'), cache("other")]);
    client = await portwright.connect();
    const told = await client.call("startEnvironment", {});
    expect(told["services"][0]).toMatchObject({ state: "waiting", code: "variable_missing" });
    expect(told["user_steps"]).toMatchObject([{ do: "ask", what: expect.stringContaining("WHO") }, {}]);
    expect(await client.call("stopEnvironment", { services: ["cache"] })).toMatchObject({ stopped: ["cache"] });
    await client.call("startEnvironment", {});
    portwright = await portwright.crash();
    await portwright.application.restore();
    client = await portwright.connect();
    expect(await stateOf("cache")).toBe("waiting");
    await portwright.connect({ env: { WHO: "me", HOME: "/nonexistent" } });
    await becomes("cache", "ready");
  });
});

describe("the client's workspace", () => {
  test("found at the next call after it came to be", async () => {
    client = await portwright.connect();
    expect(await client.call("getStatus", {})).toMatchObject({ state: "idle" });
    expect(client.session.workspace).toBeUndefined();
    await portwright.configure([cache()]);
    expect(await client.call("startEnvironment", {})).toMatchObject({ state: "ready" });
    expect(client.session.workspace).toBe(portwright.file);
  });

  test("that --config names and that is not there (yet)", async () => {
    client = await portwright.connect({ config: portwright.file });
    await expect(client.call("getStatus", {})).rejects.toMatchObject({ code: "config_not_found" });
    await portwright.configure([cache()]);
    expect(await client.call("getStatus", {})).toMatchObject({ state: "idle", stopped: ["cache"] });
  });

  test("without one, the one used last, which every answer names; gone, there is none", async () => {
    await portwright.configure([cache()]);
    await portwright.connect();
    client = await portwright.connect({ cwd: "/" });
    const told = await client.call("getStatus", {});
    expect(told.summary).toContain(`this is ${portwright.file}, used last`);
    await rm(portwright.file);
    const late = await portwright.connect({ cwd: "/" });
    expect(late.session.workspace).toBeUndefined();
    expect(await late.call("startEnvironment", {})).toMatchObject({ state: "proposal" });
  });
});
