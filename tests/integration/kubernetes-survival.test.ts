import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createKubernetesDriver } from "#adapters/kubernetes/index.ts";
import type { ForwardDriver } from "#application/ports/forward-driver.ts";
import type { CuttableRelay } from "../support/cuttable-relay.ts";
import { eventually } from "../support/eventually.ts";
import { makeHome } from "../support/home.ts";
import { accessWith, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import { relayedCluster } from "../support/relayed-cluster.ts";
import { makeRuntime, type RuntimeUnderTest } from "../support/service-runtime.ts";
import { steadyClient } from "../support/steady-client.ts";
import { deployment, service, testbedKubeconfig, TestNamespace } from "../support/testbed-cluster.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const check = { health_check: { type: "http", interval: "10s", config: { path: "/healthz" } } };

/** The host name that answers; rejects when nobody does. */
async function hostname(port: number, patienceMs = 5000): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  try {
    socket.write("GET /hostname HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
    const [bytes] = (await once(socket, "data", { signal: AbortSignal.timeout(patienceMs) })) as [Buffer];
    return String(bytes).split("\r\n\r\n")[1] ?? "";
  } finally {
    socket.destroy();
  }
}

describe.skipIf(testbedKubeconfig === undefined)("[survival] on a real cluster (needs TESTBED_KUBECONFIG)", () => {
  let namespace: TestNamespace;
  let driver: ForwardDriver;
  let relay: CuttableRelay;
  let relayed: string;

  beforeAll(async () => {
    namespace = await TestNamespace.create("survival");
    driver = createKubernetesDriver(realClock);
    ({ relay, file: relayed } = await relayedCluster(testbedKubeconfig ?? "", namespace.folder));
    await namespace.apply(
      deployment("web", 2),
      service("web", { selector: { app: "web" }, ports: [{ port: 80, targetPort: "http" }] }),
      deployment("still"),
      service("still", { selector: { app: "still" }, ports: [{ port: 80, targetPort: "http" }] }),
    );
    for (const name of ["web", "still"])
      await namespace.kubectl("rollout", "status", `deployment/${name}`, "--timeout=90s");
  }, 120_000);
  afterAll(async () => {
    await driver.close();
    await relay[Symbol.asyncDispose]();
    await namespace[Symbol.asyncDispose]();
  });

  async function running(
    name: string,
    kubeconfig: string,
    keys: Readonly<Record<string, unknown>> = {},
  ): Promise<RuntimeUnderTest> {
    const spec = kubernetesService({ namespace: namespace.name, resource_name: name }, 80, { ...check, ...keys });
    const access = accessWith({ KUBECONFIG: kubeconfig, PATH: process.env["PATH"] ?? "" });
    const under = makeRuntime(spec, { driver: () => Promise.resolve(driver), access });
    await under.runtime.start();
    await under.becomes("ready", 20_000);
    return under;
  }

  test("a rollout, and 2 → 0 → 2 replicas: no connection is refused, none hangs, none gets another's bytes", async () => {
    // At 50 connections a second more than the default of 256 come while there is no pod.
    await using under = await running("web", testbedKubeconfig ?? "", { waiting_room: { connections: 2000 } });
    await eventually(async () => under.runtime.transport?.via === "2 pods of service web", 5000, 20);
    const client = steadyClient(under.runtime.port, { everyMs: 20, forMs: 24_000, patienceMs: 40_000 });
    await pause(1000);
    await namespace.kubectl("rollout", "restart", "deployment/web");
    await namespace.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    await namespace.kubectl("scale", "deployment/web", "--replicas=0");
    await pause(3000);
    await namespace.kubectl("scale", "deployment/web", "--replicas=2");
    const { asked, answered, failures } = await client;
    expect(failures).toEqual([]);
    expect(answered).toBe(asked);
    expect(asked).toBeGreaterThan(500);
  }, 120_000);

  test("the API server goes away and comes back: who connects meanwhile waits, and it is ready again at once", async () => {
    await using under = await running("still", relayed);
    await relay.cut();
    await eventually(async () => under.runtime.condition.state !== "ready", 3000, 20);
    const waiting = hostname(under.runtime.port, 30_000);
    await pause(8000);
    await relay.open();
    const backMs = performance.now();
    await under.becomes("ready", 10_000);
    expect(performance.now() - backMs).toBeLessThan(5000);
    expect(await waiting).toMatch(/^still-/);
  }, 60_000);

  test("the API server's connections die without a word: noticed, and ready again", async () => {
    await using under = await running("still", relayed);
    expect(await hostname(under.runtime.port)).toMatch(/^still-/);
    const before = relay.accepted;
    relay.freeze();
    const frozenMs = performance.now();
    await eventually(async () => (await hostname(under.runtime.port, 1000).catch(() => "")) !== "", 10_000, 100);
    expect(performance.now() - frozenMs).toBeLessThan(8000);
    expect(relay.accepted).toBeGreaterThan(before);
    await under.becomes("ready", 5000);
    // The watches live again too: a change of the target is seen.
    await namespace.kubectl("scale", "deployment/still", "--replicas=2");
    await eventually(async () => under.runtime.transport?.via === "2 pods of service still", 20_000, 100);
    await namespace.kubectl("scale", "deployment/still", "--replicas=1");
  }, 60_000);

  test("the whole process stands still, its connections die meanwhile: ready again by itself", async () => {
    await using home = await makeHome();
    await home.configure(`version: "1.0"
services:
  - name: still
    technology: kubernetes
    remote_port: 80
    connection: {namespace: ${namespace.name}, resource_name: still}
    health_check: {type: http, interval: 30s, config: {path: /healthz}}
`);
    const env = { KUBECONFIG: relayed };
    const up = await home.cli(["up", "--output", "json"], env);
    expect(up.code).toBe(0);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(up.stdout)?.[1]);
    const pid = await home.daemonPid();
    expect(await hostname(port)).toMatch(/^still-/);
    process.kill(pid, "SIGSTOP");
    relay.freeze();
    await pause(10_000);
    process.kill(pid, "SIGCONT");
    const continuedMs = performance.now();
    await eventually(async () => (await hostname(port, 1000).catch(() => "")) !== "", 10_000, 100);
    expect(performance.now() - continuedMs).toBeLessThan(5000);
    const log = await home.cli(["call", "query", JSON.stringify({ source: "events" })], env);
    expect(log.stdout).toContain("stood still for");
  }, 60_000);
});
