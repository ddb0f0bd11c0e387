import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  agnhost,
  apply,
  deployment,
  kubectl,
  makeNamespace,
  postgresDeployment,
  rolledOut,
  service,
} from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { makeHome, type Home } from "../support/home.ts";
import { clients, type McpClient } from "../support/mcp-clients.ts";
import { redisCommand } from "../support/redis-client.ts";
import { needsCluster, needsSsh, testbed } from "../support/testbed.ts";

const run = promisify(execFile);
const there = testbed.kubeconfig !== undefined && testbed.ssh !== undefined;
const portOf = (endpoint: string): number => Number(endpoint.split(":").at(-1));

const get = async (port: number, path = "/hostname"): Promise<string> =>
  (
    await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(5000),
    })
  ).text();

describe.skipIf(!there)(`three services in one environment ${there ? "" : `${needsCluster} ${needsSsh}`}`, () => {
  let namespace: Awaited<ReturnType<typeof makeNamespace>>;
  let home: Home;
  const open: McpClient[] = [];

  beforeAll(async () => {
    namespace = await makeNamespace("pw-three");
    const { name } = namespace;
    await apply(
      deployment(name, "web", { image: agnhost, args: ["netexec", "--http-port=8080"] }),
      service(name, "web", 80, 8080),
      postgresDeployment(name, "db"),
      service(name, "db", 5432),
    );
    await Promise.all([rolledOut(name, "web"), rolledOut(name, "db")]);
  }, 120_000);
  afterAll(async () => namespace[Symbol.asyncDispose]());

  beforeEach(async () => {
    home = await makeHome();
    await home.configure(configuration(namespace.name));
  });
  afterEach(async () => {
    for (const client of open.splice(0)) await client.close().catch(() => undefined);
    await home[Symbol.asyncDispose]();
  });

  const terminal = { KUBECONFIG: testbed.kubeconfig ?? "", DB_PASSWORD: "secret" };
  const connected = async (label: string, env: Record<string, string> = terminal): Promise<McpClient> => {
    const connect = clients.get(label);
    if (!connect) throw new Error(`no client ${label}`);
    const client = await connect(home.mcp(env));
    open.push(client);
    return client;
  };

  test.each(["client 2.x, 2025-11-25", "client 2.x, 2026-07-28"])(
    "[three-services] %s: HTTP 200, select 1 and PING, each through its local port",
    async (label) => {
      const client = await connected(label);
      const { answer } = await client.callTool("start_environment", { environment: "dev" });
      expect(answer).toMatchObject({ state: "ready" });
      const ports = Object.fromEntries(
        (answer["services"] as { service: string; endpoint: string }[]).map((row) => [
          row.service,
          portOf(row.endpoint),
        ]),
      );
      expect(await get(ports["web"] ?? 0)).toMatch(/^web-/);
      const url = `postgres://postgres:secret@127.0.0.1:${ports["db"]}/app`;
      expect((await run("psql", [url, "-Atc", "select 1"])).stdout.trim()).toBe("1");
      expect(await redisCommand(ports["cache"] ?? 0, "PING")).toBe("+PONG");
    },
  );

  test("[pod-deleted] [query] a deleted pod is told at the first failed connection and replaced by itself; others are untouched", async () => {
    const client = await connected("client 2.x, 2026-07-28");
    const { answer } = await client.callTool("start_environment", {});
    const port = portOf(
      (answer["services"] as { service: string; endpoint: string }[]).find((row) => row.service === "web")?.endpoint ??
        "",
    );
    const before = await get(port);
    await kubectl("delete", "pod", "-n", namespace.name, "-l", "app=web", "--force", "--grace-period=0");
    await rolledOut(namespace.name, "web");
    const after = await eventually(async () => (await get(port).catch(() => before)) !== before, 10_000);
    expect(after).toBe(true);
    const back = await client.callTool("wait_for", { service: "web", state: "ready", timeout_s: 10 });
    expect(back.answer).toMatchObject({ done: true });
    const events = await client.callTool("query", { source: "events", service: "cache" });
    expect((events.answer["rows"] as { text: string }[]).filter(({ text }) => text.startsWith("ready →"))).toEqual([]);
  });

  test("[newest-environment] a daemon with an empty environment works once a client with the variables connects", async () => {
    const bare = await connected("client 2.x, 2026-07-28", { KUBECONFIG: "/nonexistent" });
    const first = await bare.callTool("start_environment", {});
    expect(first.answer["state"]).toBe("partial");
    await connected("client 2.x, 2025-11-25");
    const back = await bare.callTool("wait_for", { service: "db", state: "ready", timeout_s: 20 });
    expect(back.answer).toMatchObject({ done: true });
    expect((await bare.callTool("get_status", {})).answer).toMatchObject({ state: "ready" });
  });
});

const configuration = (namespace: string): string => `version: "1.0"
services:
  - name: web
    technology: kubernetes
    remote_port: 80
    connection: {namespace: ${namespace}, resource_name: web}
    health_check: {type: http, interval: 1s, config: {path: /healthz}}
  - name: db
    technology: kubernetes
    remote_port: main
    connection: {namespace: ${namespace}, resource_name: db}
    health_check: {type: postgres, interval: 5s, config: {database: app, user: postgres, password: "\${env:DB_PASSWORD}"}}
  - name: cache
    technology: ssh
    remote_port: ${testbed.redisPort}
    connection:
      host: 127.0.0.1
      port: ${testbed.ssh?.bastionPort}
      user: tbuser
      key_file: ${testbed.ssh?.clientDir}/id_plain
      known_hosts_file: ${testbed.ssh?.clientDir}/known_hosts
      remote_host: 127.0.0.1
    health_check: {type: redis, interval: 1s}
environments:
  - {name: dev, services: [web, db, cache], default: true}
`;
