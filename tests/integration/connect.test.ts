import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import type { FoundTarget } from "#domain/discovery/target.ts";
import type { TargetSource } from "#application/ports/target-source.ts";
import { makePortwright, serviceYaml, type TestPortwright } from "../support/portwright.ts";
import { startRespServer } from "../support/resp-server.ts";

const found = (target: string, more: Partial<FoundTarget> = {}): FoundTarget => ({
  kind: "ssh",
  target,
  object: target.replace(/:\d+$/, ""),
  name: target.replace(/^ssh\//, "").replace(/:\d+$/, ""),
  places: ["lab"],
  port: Number(/:(\d+)$/.exec(target)?.[1]),
  hints: [],
  ...more,
});

/** A source over what a test says; the direct driver leads to the port that is named. */
const sourceOf = (
  targets: readonly FoundTarget[],
  more: Partial<Awaited<ReturnType<TargetSource["find"]>>> = {},
): TargetSource => ({
  kind: "ssh",
  find: () => Promise.resolve({ targets, unreadable: [], ...more }),
});

describe("[connect] one connection now", () => {
  async function portwright(targets: readonly FoundTarget[], more = {}): Promise<TestPortwright> {
    return makePortwright({ sources: [sourceOf(targets, more)] });
  }

  test("what is clearly meant is forwarded, verified, shown, stopped, and there again after a crash", async () => {
    await using server = await startRespServer();
    await using made = await portwright([found(`ssh/cache:${server.port}`, { protocol: "redis" })]);
    await made.configure([]);
    const client = await made.connect();
    const answer = await client.call("connect", { target: "the redis in lab" });
    expect(answer).toMatchObject({ state: "ready", service: "cache", saved: false, found_by: "kind" });
    expect(answer["verified"].by).toBe("redis PING");
    const [variable] = answer["env"];
    expect(variable).toMatchObject({ name: "REDIS_URL", value: `redis://${String(answer["endpoint"])}` });
    // The same again is the same.
    expect((await client.call("connect", { target: "redis" }))["endpoint"]).toBe(answer["endpoint"]);
    const status = await client.call("getStatus", {});
    expect(status["ready"].rows[0].slice(0, 2)).toEqual(["cache", Number(String(answer["endpoint"]).split(":")[1])]);
    await made.crash().then(async (again) => {
      await again.application.restore();
      const later = await again.connect();
      const waited = await later.call("waitFor", { service: "cache", state: "ready" });
      expect(waited["done"] ?? waited["state"]).toBeTruthy();
      expect((await later.call("stopEnvironment", { services: ["cache"] }))["stopped"]).toEqual(["cache"]);
      expect((await later.call("getStatus", {}))["ready"]).toBeUndefined();
      await again.application.close();
    });
  });

  test("without a configuration file it works all the same", async () => {
    await using server = await startRespServer();
    await using made = await portwright([found(`ssh/cache:${server.port}`, { protocol: "redis" })]);
    const client = await made.connect();
    expect(await client.call("connect", { target: "cache" })).toMatchObject({ state: "ready", service: "cache" });
    expect(await client.call("getStatus", {})).toMatchObject({
      state: "ready",
      workspace: "no file",
      ad_hoc: ["cache"],
    });
    expect(await client.call("controlService", { service: "cache", action: "stop" })).toMatchObject({
      service: "cache",
    });
    expect(await client.call("startEnvironment", {})).toMatchObject({ state: "proposal" });
  });

  test("several that fit are told, and nothing is connected", async () => {
    await using made = await portwright([found("ssh/db-1:5432"), found("ssh/db-2:5432")], {
      unreadable: [
        { what: "context x", code: "permission_denied", why: "this user may not list services", untrusted: "said" },
      ],
    });
    const client = await made.connect();
    const answer = await client.call("connect", { target: "5432", name: "mine" });
    expect(answer).toMatchObject({
      state: "ambiguous",
      candidates: [{ target: "ssh/db-1:5432" }, { target: "ssh/db-2:5432" }],
      unreadable: [{ what: "context x", untrusted: { text: "said" } }],
      next_steps: [
        { tool: "connect", arguments: { target: "ssh/db-1:5432", name: "mine" } },
        { tool: "connect", arguments: { target: "ssh/db-2:5432", name: "mine" } },
      ],
    });
    expect((await client.call("getStatus", {}))["state"]).toBe("idle");
  });

  test("what is not found, not reached, or not said is told", async () => {
    await using made = await portwright([found("ssh/bare", { port: undefined })], {
      unreadable: [{ what: "context x", code: "cluster_unreachable", why: "it does not answer" }],
    });
    await made.configure([serviceYaml("taken", 1)]);
    const client = await made.connect();
    await expect(client.call("connect", { target: "nowhere" })).rejects.toMatchObject({
      code: "target_not_found",
      facts: { unreadable: ["context x: it does not answer"] },
    });
    for (const args of [
      { target: "ssh/bare" },
      { target: "bare" },
      { target: "ssh/bare", port: "no_port!" },
      { target: "ssh/bare:1", name: "a b" },
      { target: "ssh/bare:7", name: "taken" },
    ])
      await expect(client.call("connect", args)).rejects.toMatchObject({ code: "invalid_arguments" });
    const refused = await client.call("connect", { target: "ssh/bare:1" });
    expect(refused).toMatchObject({ state: "failed", service: "bare" });
    expect(refused["next_steps"]).toMatchObject([{ tool: "diagnose" }, { tool: "stop_environment" }]);
  });

  test("another protocol than its name promised is verified as a plain connection", async () => {
    const server = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    await using made = await portwright([found(`ssh/pg:${port}`, { protocol: "postgres" })]);
    const client = await made.connect();
    const answer = await client.call("connect", { target: "pg" });
    server.close();
    expect(answer.summary).toContain("does not speak postgres");
    expect(answer["state"]).toBe("ready");
  });

  test("what the file declares is started; what listens here is checked where it is", async () => {
    await using server = await startRespServer();
    await using made = await portwright([]);
    await made.configure([serviceYaml("my-cache", server.port, "health_check: {type: redis}")]);
    const client = await made.connect();
    expect(await client.call("connect", { target: "my cache" })).toMatchObject({
      state: "ready",
      service: "my-cache",
      saved: true,
    });
    expect(await client.call("connect", { target: `127.0.0.1:${server.port}` })).toMatchObject({
      state: "ready",
      endpoint: `127.0.0.1:${server.port}`,
    });
    expect(await client.call("connect", { target: "compose/db:1" })).toMatchObject({
      state: "failed",
      user_steps: [{ command: "docker compose up -d db" }],
    });
  });

  test("[discover-targets] targets come in pages, with what could not be read", async () => {
    const many = Array.from({ length: 45 }, (_, index) => found(`ssh/host-${String(index).padStart(2, "0")}:22`));
    await using made = await portwright(many, {
      unreadable: Array.from({ length: 12 }, (_, index) => ({ what: `context ${index}`, code: "x", why: "y" })),
      places: [{ context: "a", current: true, namespaces: ["n"] }],
    });
    const client = await made.connect();
    const first = await client.call("discoverTargets", { limit: 20 });
    expect(first).toMatchObject({
      contexts: [{ context: "a", current: true, namespaces: ["n"] }],
      unreadable_total: 12,
    });
    const seen = first["targets"].map((row: { target: string }) => row.target);
    let cursor = first["next_cursor"];
    while (cursor !== undefined) {
      const page = await client.call("discoverTargets", { limit: 20, cursor });
      seen.push(...page["targets"].map((row: { target: string }) => row.target));
      cursor = page["next_cursor"];
    }
    expect(seen).toEqual(many.map(({ target }) => target));
    const one = await client.call("discoverTargets", { query: "host-07" });
    expect(one["next_steps"]).toMatchObject([{ tool: "connect", arguments: { target: "ssh/host-07:22" } }]);
    expect((await client.call("discoverTargets", { query: "nothing" })).summary).toContain("Nothing fits 'nothing'");
    await expect(client.call("discoverTargets", { cursor: "zz" })).rejects.toMatchObject({ code: "invalid_arguments" });
  });

  test("[discover-targets] a source that breaks is told, and the others count", async () => {
    const broken: TargetSource = { kind: "local", find: () => Promise.reject(new TypeError("odd")) };
    await using made = await makePortwright({ sources: [broken, sourceOf([found("ssh/a:1")])] });
    const client = await made.connect();
    expect(await client.call("discoverTargets", {})).toMatchObject({
      targets: [{ target: "ssh/a:1" }],
      unreadable: [{ what: "local", code: "internal_error" }],
    });
  });
});
