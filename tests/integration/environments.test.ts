import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  makePortwright,
  redisCheck,
  serviceYaml,
  type TestClient,
  type TestPortwright,
} from "../support/portwright.ts";
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

const cache = (name: string, keys = ""): string =>
  serviceYaml(name, server.port, `${redisCheck}${keys === "" ? "" : `, ${keys}`}`);

/** Changes of state in the order in which they happened, as `name state`. */
async function changes(): Promise<string[]> {
  const told = await client.call("query", { source: "events", limit: 200 });
  return (told["rows"] as { service: string; text: string }[])
    .toReversed()
    .map(({ service, text }) => `${service} ${/→ (\w+)/.exec(text)?.[1] ?? text}`);
}

describe("[environment-order] an environment", () => {
  test("starts as parallel as the graph allows, and stops dependents first", async () => {
    // db and queue at once, api after both, web after api, mail beside all.
    await portwright.configure([
      cache("web", "depends_on: [api]"),
      cache("api", "depends_on: [db, queue]"),
      cache("db"),
      cache("queue"),
      cache("mail"),
    ]);
    client = await portwright.connect();
    const started = await client.call("startEnvironment", {});
    expect(started).toMatchObject({ state: "ready" });
    const order = (await changes()).filter((change) => change.endsWith("ready")).map((change) => change.split(" ")[0]);
    expect(order).toHaveLength(5);
    expect(order.indexOf("api")).toBeGreaterThan(Math.max(order.indexOf("db"), order.indexOf("queue")));
    expect(order.indexOf("web")).toBeGreaterThan(order.indexOf("api"));
    const again = await client.call("startEnvironment", {});
    expect(again).toMatchObject({ state: "ready" });
    expect(portwright.driver.opens).toBe(5);

    const stopped = await client.call("stopEnvironment", {});
    expect(stopped["stopped"]).toHaveLength(5);
    const ends = (await changes()).filter((change) => change.endsWith("stopped")).map((change) => change.split(" ")[0]);
    expect(ends.indexOf("web")).toBeLessThan(ends.indexOf("api"));
    expect(ends.indexOf("api")).toBeLessThan(Math.min(ends.indexOf("db"), ends.indexOf("queue")));
  });

  test("comes up in part: what works is ready, what does not is told with its root", async () => {
    const broken = serviceYaml("db", 1, redisCheck);
    await portwright.configure([
      cache("web", "depends_on: [api]"),
      cache("api", "depends_on: [db]"),
      broken,
      cache("mail"),
    ]);
    client = await portwright.connect();
    const started = await client.call("startEnvironment", {});
    expect(started).toMatchObject({ state: "partial" });
    const row = (name: string): unknown =>
      (started["services"] as { service: string }[]).find(({ service }) => service === name);
    expect(row("mail")).toMatchObject({ state: "ready" });
    expect(row("db")).toMatchObject({ code: "target_unreachable" });
    expect(row("web")).toMatchObject({ code: "dependency_failed", facts: { root_service: "db" } });
  });
});

describe("[environment-several] several environments at once", () => {
  const environments = `environments:
  - {name: shop, services: [web, db], default: true}
  - {name: office, services: [mail, db]}
`;

  test("one that is stopped leaves what another one shares", async () => {
    await portwright.configure([cache("web"), cache("db"), cache("mail")], environments);
    client = await portwright.connect();
    await client.call("startEnvironment", { environment: "shop" });
    await client.call("startEnvironment", { environment: "office" });
    const told = await client.call("stopEnvironment", { environment: "shop" });
    expect(told).toMatchObject({ stopped: ["web"], kept: [{ service: "db", for: ["environment office"] }] });
    expect(await client.call("getStatus", { environment: "office" })).toMatchObject({ state: "ready" });
    expect(await client.call("stopEnvironment", { environment: "office" })).toMatchObject({ stopped: ["mail", "db"] });
  });

  test("what a dependent still needs stays, unless it is named or forced", async () => {
    await portwright.configure([cache("web", "depends_on: [db]"), cache("db"), cache("mail")], environments);
    client = await portwright.connect();
    await client.call("startEnvironment", { services: ["web", "mail"] });
    const told = await client.call("stopEnvironment", { environment: "office" });
    expect(told).toMatchObject({ stopped: ["mail"], kept: [{ service: "db", for: ["environment shop", "web"] }] });
    expect(await client.call("stopEnvironment", { services: ["db"] })).toMatchObject({ stopped: ["db"] });
    await client.call("startEnvironment", { services: ["web"] });
    expect(await client.call("stopEnvironment", { environment: "office", force: true })).toMatchObject({
      stopped: ["db"],
    });
  });

  test("each tag is one", async () => {
    await portwright.configure([
      cache("web", "tags: [front]"),
      cache("db", "tags: [back]"),
      cache("mail", "tags: [back]"),
    ]);
    client = await portwright.connect();
    await client.call("startEnvironment", { environment: "back" });
    expect(await client.call("getStatus", { environment: "front" })).toMatchObject({ state: "idle" });
    expect(await client.call("getStatus", { environment: "back" })).toMatchObject({ state: "ready" });
    expect(await client.call("stopEnvironment", { environment: "back" })).toMatchObject({ stopped: ["db", "mail"] });
  });
});

describe("[supervision-circuit] a check that lacks a password", () => {
  const checked = (interval: number): string =>
    serviceYaml("cache", server.port, `health_check: {type: redis, interval: ${interval}, timeout: 1s}`);
  const opened = async (): Promise<void> => {
    await expect
      .poll(async () => (await client.call("startEnvironment", {}))["services"][0].facts?.circuit, { timeout: 10_000 })
      .toBe("open");
  };
  const state = async (): Promise<unknown> => (await client.call("getStatus", {}))["state"];
  const soon = { timeout: 5000, interval: 50 };

  beforeEach(async () => {
    server.answer = "-NOAUTH Authentication required.";
    await portwright.configure([checked(10)]);
    client = await portwright.connect();
    await opened();
    server.answer = "+PONG";
  });

  test("is tried again at once when the file was edited", async () => {
    await portwright.configure([checked(20)]);
    await expect.poll(state, soon).toBe("ready");
  });

  test("and when a client brings another environment", async () => {
    await portwright.connect({ env: { REDIS_PASSWORD: "new" } });
    await expect.poll(state, soon).toBe("ready");
  });
});
