import { createServer, type AddressInfo } from "node:net";
import { createServer as createHttpServer } from "node:http";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
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
import { startRespServer, type RespServer } from "../support/resp-server.ts";

const tokensOf = (answer: object): number => Math.ceil(JSON.stringify(answer).length / 4);
const unreachable = new ConnectivityError("host_unreachable", "the bastion does not answer", { host: "direct" });

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

const started = async (services: readonly string[], rest = ""): Promise<void> => {
  await portwright.configure(services, rest);
  client = await portwright.connect();
  await client.call("startEnvironment", {});
};
const cache = (name = "cache", keys = ""): string =>
  serviceYaml(name, server.port, `${redisCheck}${keys === "" ? "" : `, ${keys}`}`);

describe("get_status", () => {
  const names = Array.from({ length: 100 }, (_, index) => `checkout-api-${index}`);

  test("a hundred ready services fit 1,500 tokens", async () => {
    await started(names.map((name) => cache(name)));
    const told = await client.call("getStatus", {});
    expect(told["ready"].rows).toHaveLength(100);
    expect(tokensOf(told)).toBeLessThan(1500);
  });

  test("so do a hundred of which half fail, each with its own sentence", async () => {
    await started(names.map((name) => cache(name, "restart_policy: {initial_delay: 60s, max_delay: 60s}")));
    const sentence =
      "the container app of pod payments-7c9d-x2 was killed at its memory limit of 256Mi for the 14th time";
    portwright.driver.refuseWith = new ConnectivityError("container_oom_killed", `${sentence} `.repeat(3));
    const half = names.filter((_, index) => index % 2 === 0);
    await Promise.all(half.map((service) => client.call("controlService", { service, action: "restart" })));
    const told = await client.call("getStatus", {});
    expect(told).toMatchObject({ state: "partial", not_ready_total: 50 });
    expect(told.summary).toMatch(/50 of 100 ready, 50 failed/);
    expect(tokensOf(told)).toBeLessThan(1500);
  });

  test("where clients connect is a path for a Unix socket, not port 0", async () => {
    const socket = path.join(await mkdtemp(path.join(os.tmpdir(), "portwright-end-")), "l.sock");
    await started([cache("cache", `listen: ${socket}`)]);
    expect((await client.call("getStatus", {}))["ready"].rows[0].slice(0, 2)).toEqual(["cache", socket]);
    await rm(path.dirname(socket), { recursive: true, force: true });
  });

  test("a part of an environment that runs is not the whole: partial, and what is stopped is named", async () => {
    await portwright.configure([cache("one"), cache("two")]);
    client = await portwright.connect();
    await client.call("controlService", { service: "one", action: "start" });
    expect(await client.call("getStatus", {})).toMatchObject({ state: "partial", stopped: ["two"] });
    expect(await client.call("getStatus", { services: ["one"] })).toMatchObject({ state: "ready" });
  });

  test("counts drops, tells variables, workspaces and who is here", async () => {
    await started([cache("cache", 'exports: {A: "${port}", B: "${env:SECRET:x}@${host}"}')]);
    portwright.driver.cut();
    await client.call("waitFor", { service: "cache", state: "ready" });
    const told = await client.call("getStatus", { include: ["env", "flaky", "workspaces"] });
    expect(told["flaky"]).toMatchObject([{ service: "cache", drops_24h: 1 }]);
    expect(told["ready"].rows[0].at(-1)).toBe(1);
    expect(told["clients"]).toEqual(["tester (this)"]);
    expect(told["workspaces"]).toEqual([{ workspace: portwright.file, services: 1, wanted: ["cache"] }]);
  });
});

describe("wait_for", () => {
  test("a state, an event of now on, a text; says what is the case instead, with a call that goes on", async () => {
    await started([cache()]);
    const late = await client.call("waitFor", { service: "cache", state: "failed", timeout_s: 0.2 });
    expect(late).toMatchObject({
      done: false,
      state: "ready",
      next_steps: [{ tool: "wait_for" }, { tool: "diagnose" }],
    });
    // What was before is for query.
    const nothing = await client.call("waitFor", { event: "state", timeout_s: 0.2 });
    expect(nothing).toMatchObject({ done: false });
    const event = client.call("waitFor", { event: "connection_lost" });
    const line = client.call("waitFor", { match: "READY → waiting", service: "cache" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    portwright.driver.cut();
    expect(await event).toMatchObject({ done: true, seen: { service: "cache" } });
    expect(await line).toMatchObject({ done: true });
    await client.call("waitFor", { service: "cache" });
    await client.call("controlService", { service: "cache", action: "stop" });
    const stopped = await client.call("waitFor", { service: "cache", timeout_s: 0.1 });
    expect(stopped.next_steps?.at(-1)).toMatchObject({ tool: "control_service", arguments: { action: "start" } });
    expect(await client.call("waitFor", { service: "cache", state: "stopped" })).toMatchObject({ done: true });
  });

  test("ends when it is taken back, and wants to know what for", async () => {
    await started([cache()]);
    const ending = new AbortController();
    const waiting = client.call("waitFor", { service: "cache", state: "failed" }, ending.signal);
    setTimeout(() => ending.abort(), 50);
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
    await expect(client.call("waitFor", {})).rejects.toMatchObject({ code: "invalid_arguments" });
  });
});

describe("query", () => {
  test("by source, service, time and text, newest first, page by page", async () => {
    await started([cache("one"), cache("two")]);
    const all = await client.call("query", { source: "events" });
    // Two are asked for, begin, and become ready.
    expect(all["total"]).toBe(6);
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.call("query", { source: "events", limit: 3, cursor });
      ids.push(...page["rows"].map((row: { service: string; text: string }) => `${row.service} ${row.text}`));
      cursor = page["next_cursor"];
    } while (cursor !== undefined);
    expect(ids).toHaveLength(6);
    expect(new Set(ids).size).toBe(6);
    expect(ids[0]).toMatch(/starting → ready/);
    const count = async (args: object): Promise<number> =>
      (await client.call("query", { source: "events", ...args }))["total"];
    expect(await count({ service: "one" })).toBe(3);
    expect(await count({ match: "STOPPED →" })).toBe(2);
    expect(await count({ since: "1h" })).toBe(6);
    expect(await count({ until: "1h" })).toBe(0);
    expect(await count({ around: "last_ready", service: "two" })).toBe(3);
    expect((await client.call("query", { source: "connections" }))["total"]).toBe(0);
  });

  test("refuses what it cannot tell, instead of telling something else", async () => {
    await started([serviceYaml("cache", 1, redisCheck)]);
    const code = (args: object): Promise<unknown> =>
      client.call("query", { source: "events", ...args }).catch((error: ConnectivityError) => error.code);
    expect(await code({ source: "requests" })).toBe("not_supported");
    expect(await code({ since: "yesterday-ish" })).toBe("invalid_arguments");
    expect(await code({ since: "last_ready" })).toBe("invalid_arguments");
    expect(await code({ since: "last_ready", service: "cache" })).toBe("invalid_arguments");
    expect(await code({ cursor: "zzz" })).toBe("invalid_arguments");
    expect(await code({ service: "nothing-like-it" })).toBe("unknown_service");
  });
});

describe("probe", () => {
  test("the declared check, another type, a target by its address; refuses the unknown", async () => {
    const web = createHttpServer((request, response) => {
      response.statusCode = request.url === "/ok" ? 200 : 404;
      response.end("hello");
    }).listen(0, "127.0.0.1");
    await once(web, "listening");
    const { port } = web.address() as AddressInfo;
    await started([cache(), serviceYaml("web", port, "health_check: {type: http, config: {path: /ok}}")]);
    expect(await client.call("probe", { service: "cache" })).toMatchObject({ ok: true, verified_by: "redis PING" });
    // The declared check under another spelling keeps its path.
    expect(await client.call("probe", { service: "web", type: "HTTP" })).toMatchObject({ ok: true });
    expect(await client.call("probe", { service: "web", type: "tcp" })).toMatchObject({ ok: true, verified_by: "tcp" });
    const wrong = await client.call("probe", { service: "web", type: "redis" });
    expect(wrong).toMatchObject({ ok: false, code: "protocol_mismatch", next_steps: [{ tool: "diagnose" }] });
    expect(await client.call("probe", { target: `http://localhost:${port}/x` })).toMatchObject({ service: "web" });
    const refused = async (args: object): Promise<unknown> =>
      client.call("probe", args).catch((error: ConnectivityError) => error.code);
    expect(await refused({ service: "web", type: "gopher" })).toBe("invalid_arguments");
    expect(await refused({ target: "169.254.169.254:80" })).toBe("target_not_found");
    expect(await refused({ target: "127.0.0.1:0" })).toBe("target_not_found");
    expect(await refused({})).toBe("target_not_found");
    await client.call("stopEnvironment", {});
    // A stopped service is checked by a dial of its own, and stays stopped.
    expect(await client.call("probe", { service: "cache" })).toMatchObject({ ok: true });
    portwright.driver.refuseWith = unreachable;
    expect(await client.call("probe", { service: "cache" })).toMatchObject({ ok: false, code: "host_unreachable" });
    expect(await client.call("getStatus", {})).toMatchObject({ state: "idle" });
    web.closeAllConnections();
    web.close();
  });
});

describe("diagnose", () => {
  test("healthy: running, stopped, and an environment in which all or nothing runs", async () => {
    await started([cache()]);
    expect(await client.call("diagnose", { service: "cache" })).toMatchObject({ status: "healthy", healthy: true });
    expect(await client.call("diagnose", {})).toMatchObject({ status: "healthy", healthy: true });
    await client.call("stopEnvironment", {});
    const stopped = await client.call("diagnose", { service: "cache" });
    expect(stopped).toMatchObject({ status: "healthy", next_steps: [{ tool: "control_service" }] });
    expect(await client.call("diagnose", {})).toMatchObject({ status: "unknown", healthy: false });
    expect(portwright.driver.opens).toBe(3);
  });

  test("one shared cause over ten services is one; a second, of its own, makes several", async () => {
    portwright.driver.refuseWith = unreachable;
    await started([...Array.from({ length: 10 }, (_, index) => cache(`s${index}`))]);
    const shared = await client.call("diagnose", {});
    expect(shared).toMatchObject({ status: "found", root_cause: { code: "host_unreachable" } });
    expect(shared["root_cause"].explains).toHaveLength(10);
    portwright.driver.refuseWith = undefined;
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    await portwright.configure([
      serviceYaml("one", 1, redisCheck),
      cache("two", `local_port: ${port}`),
      cache("three"),
    ]);
    await client.call("startEnvironment", {});
    const several = await client.call("diagnose", {});
    expect(several).toMatchObject({ status: "several", healthy: false, other_causes: [{}] });
    taken.close();
  });

  test("what has just healed is unknown, with what was ruled out", async () => {
    portwright.driver.refuseWith = unreachable;
    await started([cache("cache", "restart_policy: {initial_delay: 60s, max_delay: 60s}")]);
    portwright.driver.refuseWith = undefined;
    expect(await client.call("diagnose", {})).toMatchObject({ status: "unknown", ruled_out: expect.any(Array) });
    const one = await client.call("diagnose", { service: "cache" });
    expect(one).toMatchObject({ status: "healthy" });
    const again = await client.call("controlService", { service: "cache", action: "start" });
    expect(again).toMatchObject({ state: "ready" });
  });

  test("many services that all depend on all below them are each walked once, and in time", async () => {
    const layers = Array.from({ length: 8 }, (_, layer) =>
      Array.from({ length: 6 }, (__, index) => `l${layer}-${index}`),
    );
    const services = layers.flatMap((names, layer) =>
      names.map((name) => cache(name, `depends_on: [${(layers[layer - 1] ?? []).join(", ")}]`)),
    );
    server.answer = "-ERR ill";
    await portwright.configure(services);
    client = await portwright.connect();
    await client.call("startEnvironment", {});
    const opens = portwright.driver.opens;
    const told = await client.call("diagnose", { service: "l7-0" });
    expect(told).toMatchObject({ status: "several", root_cause: { code: "application_unhealthy" } });
    expect(told["root_cause"].service).toMatch(/^l0-/);
    expect(portwright.driver.opens - opens).toBe(8 * 6 - 5);
  });

  test("ends when it is taken back", async () => {
    server.silent = true;
    await portwright.configure([cache()]);
    client = await portwright.connect();
    const ending = new AbortController();
    const asking = client.call("diagnose", { service: "cache" }, ending.signal);
    await eventually(async () => server.connections > 0, 2000);
    ending.abort();
    await expect(asking).rejects.toMatchObject({ code: "cancelled" });
  });
});

describe("control_service", () => {
  test("starts, restarts with a new link, reconnects with a new link, stops", async () => {
    await portwright.configure([cache()]);
    client = await portwright.connect();
    const control = (action: "start" | "stop" | "restart" | "reconnect") =>
      client.call("controlService", { service: "cache", action });
    expect(await control("start")).toMatchObject({ state: "ready", verified: { by: "redis PING" } });
    const opens: number[] = [];
    for (const action of ["restart", "reconnect"] as const) {
      expect(await control(action)).toMatchObject({ state: "ready" });
      opens.push(portwright.driver.opens);
    }
    expect(opens).toEqual([2, 3]);
    expect(await control("stop")).toMatchObject({ state: "stopped" });
    expect(await control("reconnect")).toMatchObject({ state: "ready" });
  });
});
