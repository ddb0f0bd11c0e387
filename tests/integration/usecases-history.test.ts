import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { eventually } from "../support/eventually.ts";
import {
  makePortwright,
  redisCheck,
  serviceYaml,
  type TestClient,
  type TestPortwright,
  type Told,
} from "../support/portwright.ts";
import { startRespServer, type RespServer } from "../support/resp-server.ts";

let server: RespServer;
let portwright: TestPortwright;
let client: TestClient;

beforeEach(async () => {
  server = await startRespServer();
  portwright = await makePortwright();
  await portwright.configure([
    serviceYaml("cache", server.port, redisCheck),
    serviceYaml("second", server.port, redisCheck),
  ]);
  client = await portwright.connect();
  await client.call("startEnvironment", {});
});
afterEach(async () => {
  await portwright[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const stateOf = async (service: string): Promise<string> => {
  const told = await client.call("getStatus", { services: [service] });
  return told["not_ready"]?.[0]?.state ?? (told["ready"] ? "ready" : "stopped");
};
const texts = (told: Told): string[] =>
  told["entries"].map(({ service, text }: Record<string, string>) => `${service}: ${text}`);

/** A drop of both services, and their return. */
async function drop(): Promise<void> {
  portwright.driver.refuseWith = new ConnectivityError("host_unreachable", "the bastion does not answer");
  portwright.driver.cut();
  await eventually(async () => (await stateOf("cache")) !== "ready", 5000);
  portwright.driver.refuseWith = undefined;
  portwright.driver.changed();
  await eventually(async () => (await stateOf("cache")) === "ready" && (await stateOf("second")) === "ready", 5000);
}

describe("get_history", () => {
  test("[history] tells what happened and who asked, newest first, by service, kind, time and page", async () => {
    await drop();
    const told = await client.call("getHistory", { service: "cache" });
    expect(texts(told).at(-1)).toBe("cache: asked to start it");
    expect(told["entries"].at(-1)).toMatchObject({ kind: "client", by: "tester" });
    expect(texts(told)[0]).toBe("cache: waiting → ready");
    expect(told["entries"].some(({ code }: { code?: string }) => code === "connection_lost")).toBe(true);
    expect(told["recorded_from"]).toMatch(/^\d{4}-/);
    const asked = await client.call("getHistory", { kind: ["client"] });
    expect(texts(asked)).toEqual(["second: asked to start it", "cache: asked to start it"]);
    const seen: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await client.call("getHistory", { limit: 2, cursor });
      seen.push(...texts(page));
      if ((cursor = page["next_cursor"]) === undefined) break;
    }
    expect(seen).toEqual(texts(await client.call("getHistory", { limit: 200 })));
    expect((await client.call("getHistory", { until: "1h" }))["entries"]).toEqual([]);
  });

  test("[history-difference] says what is different between two moments, and since it last worked", async () => {
    const before = await client.call("getHistory", { service: "cache" });
    expect(before["difference"].services).toEqual([{ service: "cache", before: "stopped", after: "ready" }]);
    portwright.driver.refuseWith = new ConnectivityError("host_unreachable", "the bastion does not answer");
    portwright.driver.cut();
    await eventually(async () => (await stateOf("cache")) !== "ready", 5000);
    const told = await client.call("getHistory", { since: "last_ready" });
    expect(told["difference"].services).toContainEqual(
      expect.objectContaining({ service: "cache", before: "ready", after: "waiting" }),
    );
    expect(told.summary).toContain("cache ready → ");
    expect(told.next_steps?.[0]).toMatchObject({ tool: "diagnose", arguments: { service: "cache" } });
  });

  test("edits of the file stand in it as generations, and the difference names the two that were in force", async () => {
    const start = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await portwright.configure([
      serviceYaml("cache", server.port, redisCheck),
      serviceYaml("third", server.port, redisCheck),
    ]);
    await eventually(async () => (await client.call("getHistory", {}))["generations"]?.length === 2, 5000);
    const told = await client.call("getHistory", { since: new Date(start).toISOString() });
    expect(told["generations"].map(({ generation }: { generation: number }) => generation)).toEqual([2, 1]);
    expect(told["difference"].configuration).toEqual({ before: 1, after: 2 });
    expect(texts(told).some((text) => text.startsWith("undefined: "))).toBe(true);
    const audit = await client.call("query", { source: "audit" });
    expect(audit["rows"].some(({ kind }: { kind: string }) => kind === "config")).toBe(true);
  });

  test("[history-outlives] is there after a crash, with when each was last ready", async () => {
    const told = await client.call("getHistory", {});
    portwright = await portwright.crash();
    client = await portwright.connect();
    const after = await client.call("getHistory", { limit: 200 });
    expect(texts(after)).toEqual(expect.arrayContaining(texts(told)));
    const since = await client.call("getHistory", { service: "second", since: "last_ready", kind: ["client"] });
    expect(since["entries"]).toEqual([]);
    await expect(client.call("getHistory", { since: "yesterday-ish" })).rejects.toMatchObject({
      code: "invalid_arguments",
    });
  });
});

describe("query", () => {
  test("[query-connections] tells each connection: program, bytes, first byte, duration and how it ended", async () => {
    const port = (await client.call("getStatus", { services: ["cache"] }))["ready"].rows[0][1] as number;
    type Row = Record<string, number | string>;
    const rows = async (): Promise<Row[]> =>
      (await client.call("query", { source: "connections", service: "cache" }))["rows"] as Row[];
    // Searches for programs take a small part of the time. Where one takes long, as on a busy machine, the next is later.
    for (let count = 1; count <= 14 && (await rows())[0]?.["client"] === undefined; count++) {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      socket.write("PING\r\n");
      await once(socket, "data");
      await new Promise((resolve) => setTimeout(resolve, Math.min(100 * 2 ** count, 5000)));
      socket.end();
      await once(socket, "close");
      await eventually(async () => (await rows()).length === count, 5000);
    }
    const [row = {}] = await rows();
    expect(row).toMatchObject({ service: "cache", bytes_up: 6, bytes_down: 7, ended: "closed" });
    expect(row["client"]).toContain(`(pid ${process.pid})`);
    expect(row["duration_ms"]).toBeGreaterThanOrEqual(100);
    expect(Number(row["first_byte_ms"])).toBeLessThan(Number(row["duration_ms"]));
    expect((await client.call("query", { source: "metrics" }))["rows"]).toContainEqual(
      expect.objectContaining({
        service: "cache",
        connections: (await rows()).length,
        bytes_up: 6 * (await rows()).length,
      }),
    );
  }, 90_000);

  test("[query-health] adds up checks, drops and the time ready by the hour", async () => {
    await drop();
    const hours = (await client.call("query", { source: "health", service: "cache" }))["rows"] as Record<
      string,
      number
    >[];
    expect(hours.reduce((sum, { drops = 0 }) => sum + drops, 0)).toBe(1);
    expect(hours.reduce((sum, { checks = 0 }) => sum + checks, 0)).toBeGreaterThanOrEqual(2);
    expect(hours[0]?.["ready_percent"]).toBeGreaterThan(0);
    const told = await client.call("getStatus", { include: ["flaky"] });
    expect(told["flaky"]).toContainEqual(expect.objectContaining({ service: "cache", drops_24h: 1 }));
    expect(told["ready"].columns.at(-1)).toBe("drops_24h");
    expect(told["ready"].rows[0].at(-1)).toBe(1);
  });

  test("a service that drops again and again is told to be flapping", async () => {
    for (let count = 0; count < 4; count++) await drop();
    const told = await client.call("getStatus", { include: ["flaky"] });
    expect(told["flaky"]).toContainEqual(
      expect.objectContaining({ service: "cache", drops_24h: 4, flapping: expect.stringMatching(/4 times/) as string }),
    );
  });

  test("audit is who asked for what", async () => {
    const told = await client.call("query", { source: "audit", service: "cache" });
    expect(told["rows"]).toEqual([
      expect.objectContaining({ kind: "client", by: "tester", text: "asked to start it" }),
    ]);
  });
});

test("[status-expiring] what ends soon on the way to services is told once for all of them", async () => {
  const atMs = Date.now() + 50 * 3_600_000;
  portwright.driver.expiries = [{ what: "token of context staging", atMs, renew: "aws sso login" }];
  const told = await client.call("getStatus", { include: ["expiring"] });
  expect(told["expiring"]).toEqual([
    {
      what: "token of context staging",
      services: ["cache", "second"],
      in: expect.stringMatching(/^2 d/) as string,
      at: expect.any(String) as string,
      renew: "aws sso login",
    },
  ]);
});
