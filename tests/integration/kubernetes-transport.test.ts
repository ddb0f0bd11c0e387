import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { ForwardDriver, Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { createKubernetesDriver } from "#adapters/kubernetes/index.ts";
import { ApiServer } from "../support/api-server.ts";
import { accessWith, codeOf, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import { makeRuntime } from "../support/service-runtime.ts";
import { startEcho, type Target } from "../contract/forward-driver-targets.ts";

/** Time that passes fifty times as fast for whoever waits for it: pings and retries within a test. */
const fastClock: Clock = { ...realClock, after: (ms, run) => realClock.after(ms / 50, run) };
const never = (): AbortSignal => new AbortController().signal;

describe("kubernetes transport against a server in this process", () => {
  let folder: string;
  let server: ApiServer;
  let driver: ForwardDriver;
  let access: Access;
  let echo: Target;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "portwright-kube-"));
    server = await ApiServer.start();
    echo = await startEcho();
    await writeFile(join(folder, "config"), server.kubeconfig());
    access = accessWith({ KUBECONFIG: join(folder, "config") }, folder);
    driver = createKubernetesDriver(realClock);
    server.put("services", {
      metadata: { name: "web" },
      spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: echo.port }] },
    });
  });
  afterEach(async () => {
    await driver.close();
    await server[Symbol.asyncDispose]();
    await echo[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const spec = kubernetesService({ resource_name: "web" }, 80);
  const open = (): Promise<Transport> => driver.open(spec, { signal: never(), access });
  const connect = (transport: Transport): Promise<TunnelStream> => transport.connect({ signal: never() });
  const failing = (stream: TunnelStream): Promise<ConnectivityError> =>
    new Promise((resolve) => {
      stream.on("error", (error: ConnectivityError) => resolve(error));
    });

  async function isOpen(stream: TunnelStream): Promise<boolean> {
    const echoed = once(stream, "data");
    stream.write("?");
    return String((await echoed)[0]) === "?";
  }
  const unready = {
    phase: "Running",
    conditions: [{ type: "Ready", status: "False" }],
    containerStatuses: [{ name: "main", ready: false, state: { running: {} } }],
  };

  test("keeps a warm spare, and replaces a lost tunnel without ending", async () => {
    server.putPod("web-0");
    const transport = await open();
    const stream = await connect(transport);
    expect(await isOpen(stream)).toBe(true);
    await vi.waitFor(() => expect(server.tunnels.size).toBe(2));
    const lost = failing(stream);
    for (const tunnel of server.tunnels) tunnel.destroy();
    expect((await lost).code).toBe("connection_lost");
    await vi.waitFor(() => expect(server.opened).toBeGreaterThanOrEqual(3));
    await vi.waitFor(() => expect(server.tunnels.size).toBeGreaterThan(0));
    expect(await isOpen(await connect(transport))).toBe(true);
  });

  test("a check dials no spare: a service that nobody uses keeps one tunnel", async () => {
    server.putPod("web-0");
    const transport = await open();
    for (let checks = 0; checks < 3; checks++) {
      const stream = (await transport.connectForCheck?.({ signal: never() })) as Awaited<ReturnType<typeof connect>>;
      expect(await isOpen(stream)).toBe(true);
      expect(server.tunnels.size).toBe(1);
      stream.destroy();
    }
    expect(server.opened).toBe(1);
  });

  test("GOAWAY: open connections go on, new ones take another tunnel", async () => {
    server.putPod("web-0");
    const transport = await open();
    const stream = await connect(transport);
    expect(await isOpen(stream)).toBe(true);
    for (const tunnel of server.tunnels) tunnel.goAway();
    await vi.waitFor(() => expect(server.opened).toBeGreaterThanOrEqual(3));
    expect(await isOpen(await connect(transport))).toBe(true);
    expect(await isOpen(stream)).toBe(true);
  });

  test("[wire-many] where dials take long, a burst shares the tunnels that are there", async () => {
    server.putPod("web-0");
    const transport = await open();
    await vi.waitFor(() => expect(server.tunnels.size).toBe(1));
    server.holdUpgrades = true;
    const streams = await Promise.all(Array.from({ length: 20 }, () => connect(transport)));
    expect(await Promise.all(streams.map(isOpen))).toEqual(streams.map(() => true));
    expect(server.tunnels.size).toBe(1);
    for (const stream of streams) stream.destroy();
  });

  test("[wire-hostile] a server that drops every tunnel at once is not dialled without end", async () => {
    server.putPod("web-0");
    const transport = await open();
    await vi.waitFor(() => expect(server.opened).toBeGreaterThan(0));
    const dropping = setInterval(() => {
      for (const tunnel of server.tunnels) tunnel.destroy();
    }, 5);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    clearInterval(dropping);
    // Three at once, then at 250 ms, 500 ms and 1 s; one more may be on its way.
    expect(server.opened).toBeLessThan(12);
    await vi.waitFor(async () => expect(await isOpen(await connect(transport))).toBe(true), 20_000);
  });

  test("a peer that no longer answers pings is given up", async () => {
    driver = createKubernetesDriver(fastClock);
    server.putPod("web-0");
    const transport = await open();
    const stream = await connect(transport);
    expect(await isOpen(stream)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(stream.destroyed).toBe(false);
    const lost = failing(stream);
    for (const tunnel of server.tunnels) tunnel.mute = true;
    expect((await lost).message).toContain("no longer answers");
  });

  test("bytes that are no SPDY end the tunnel with a code", async () => {
    server.putPod("web-0");
    const transport = await open();
    const stream = await connect(transport);
    expect(await isOpen(stream)).toBe(true);
    const lost = failing(stream);
    for (const tunnel of server.tunnels) tunnel.send(Buffer.from("HTTP/1.1 502 Bad Gateway\r\n\r\n"));
    expect((await lost).facts["reason"]).toMatch(/SPDY|stream|frame/);
  });

  test("moves new connections to a ready pod when its own leaves, make before break", async () => {
    server.putPod("web-0");
    const transport = await open();
    const stream = await connect(transport);
    expect(await isOpen(stream)).toBe(true);
    server.putPod("web-1", { metadata: { creationTimestamp: "2026-01-01T00:00:00Z" } });
    server.putPod("web-0", { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } });
    await vi.waitFor(() => expect(transport.via).toBe("pod web-1"));
    expect(await isOpen(await connect(transport))).toBe(true);
    expect(await isOpen(stream)).toBe(true);
    const gone = failing(stream);
    server.delete("pods", "web-0");
    expect((await gone).code).toBe("pod_gone");
    expect(await isOpen(await connect(transport))).toBe(true);
  });

  test("ends with pod_gone when no other pod is ready, and tells when one is", async () => {
    server.putPod("web-0");
    const transport = await open();
    let changes = 0;
    const following = driver.watch?.(spec, access, () => changes++);
    await vi.waitFor(() => expect(changes).toBe(1));
    server.delete("pods", "web-0");
    expect((await transport.closed)?.code).toBe("pod_gone");
    expect(await codeOf(connect(transport))).toBe("connection_lost");
    expect(await codeOf(open())).toBe("no_matching_pods");
    server.putPod("web-1", { status: unready });
    await vi.waitFor(() => expect(changes).toBe(3));
    expect(await codeOf(open())).toBe("pod_not_ready");
    server.putPod("web-1");
    await vi.waitFor(() => expect(changes).toBe(4));
    expect((await open()).via).toBe("pod web-1");
    following?.[Symbol.dispose]();
  });

  test("a pod that is not ready any more keeps its way while no other is better", async () => {
    server.putPod("web-0");
    const transport = await open();
    server.putPod("web-0", { status: unready });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await isOpen(await connect(transport))).toBe(true);
    server.putPod("web-1");
    await vi.waitFor(() => expect(transport.via).toBe("pod web-1"));
  });

  test("watches go on after 410 and after a cut, and are shared", async () => {
    server.putPod("web-0");
    const transports = await Promise.all([open(), open(), open()]);
    // The service, its slices and the pods.
    await vi.waitFor(() => expect(server.watches).toBe(3));
    server.expireWatches();
    server.putPod("web-1");
    server.delete("pods", "web-0");
    await vi.waitFor(() => expect(transports.map(({ via }) => via)).toEqual(transports.map(() => "pod web-1")), 5000);
    server.cutWatches();
    server.putPod("web-2");
    server.delete("pods", "web-1");
    await vi.waitFor(() => expect(transports.map(({ via }) => via)).toEqual(transports.map(() => "pod web-2")), 5000);
    expect(server.watches).toBeLessThanOrEqual(3);
  });

  const openWith = (balance: string, connection: Readonly<Record<string, unknown>>): Promise<Transport> =>
    driver.open(kubernetesService(connection, "selector" in connection ? echo.port : 80, { balance }), {
      signal: never(),
      access,
    });

  test("[kubernetes-balance] connections are spread over the ready pods, and follow them", async () => {
    for (const name of ["web-0", "web-1", "web-2"]) server.putPod(name);
    const transport = await open();
    await vi.waitFor(() => expect(transport.via).toBe("2 pods of service web"));
    const held: TunnelStream[] = [];
    for (let at = 0; at < 9; at++) {
      held.push(await connect(transport));
      await vi.waitFor(() => expect(transport.via).toBe("3 pods of service web"));
    }
    expect(transport.facts()).toMatchObject({ balance: "least_connections", pods: expect.any(Array) as unknown });
    const perPod = (): number[] => ["web-0", "web-1", "web-2"].map((pod) => server.streamsTo(pod));
    await vi.waitFor(() => expect(perPod()).toEqual([3, 3, 3]));
    let reset = 0;
    for (const stream of held) stream.once("error", () => reset++);
    server.putPod("web-3");
    server.delete("pods", "web-0");
    await vi.waitFor(() => expect(reset).toBe(3), 3000);
    expect(await Promise.all(held.filter((stream) => !stream.destroyed).map(isOpen))).toHaveLength(6);
    expect(await isOpen(await connect(transport))).toBe(true);
    await vi.waitFor(() => expect(transport.facts()["pods"]).toContain("web-3"));
  });

  test("[kubernetes-balance] round_robin takes turns, single stays with one pod", async () => {
    server.putPod("web-0");
    server.putPod("web-1");
    const turns = await openWith("round_robin", { resource_name: "web" });
    await vi.waitFor(() => expect(turns.via).toBe("2 pods of service web"));
    const seen: unknown[] = [];
    for (let at = 0; at < 4; at++) {
      (await connect(turns)).destroy();
      seen.push(turns.facts()["pod"]);
    }
    expect(new Set(seen.slice(0, 2)).size).toBe(2);
    expect(seen.slice(2)).toEqual(seen.slice(0, 2));
    const single = await openWith("single", { selector: "app=web" });
    const { via } = single;
    for (let at = 0; at < 4; at++) await connect(single);
    expect(single.via).toBe(via);
    expect(via).toMatch(/^pod web-[01]$/);
    server.delete("pods", via.replace("pod ", ""));
    await vi.waitFor(() => expect(single.via).not.toBe(via));
    expect(await isOpen(await connect(single))).toBe(true);
    // It leaves one that refuses, too.
    const next = single.via;
    server.putPod("web-2");
    server.refusing.add(next.replace("pod ", ""));
    expect((await failing(await connect(single))).code).toBe("target_port_closed");
    await vi.waitFor(() => expect(single.via).toBe("pod web-2"));
    expect(await isOpen(await connect(single))).toBe(true);
  });

  test("[undelivered] a connection that a pod refuses goes to another one, with what its client has sent", async () => {
    server.putPod("web-0");
    server.putPod("web-1");
    server.refusing.add("web-0");
    await using under = makeRuntime(spec, { driver: () => Promise.resolve(driver), access });
    await under.runtime.start();
    await under.becomes("ready");
    await vi.waitFor(() => expect(under.runtime.transport?.via).toBe("2 pods of service web"));
    for (let at = 0; at < 8; at++) {
      const client = await under.client();
      client.write(`word ${at}`);
      expect(String((await once(client, "data"))[0])).toBe(`word ${at}`);
      client.destroy();
    }
    expect(under.runtime.condition.state).toBe("ready");
    // Where every pod refuses, its client waits for a better time.
    server.refusing.add("web-1");
    const patient = await under.client();
    patient.write("still here");
    await vi.waitFor(() => expect(under.runtime.waitingConnections).toBe(1), 5000);
    server.refusing.clear();
    expect(String((await once(patient, "data"))[0])).toBe("still here");
    patient.destroy();
    await under.runtime.stop();
  });

  test("the last pod is told to end: its open connections go on until it is gone, new ones wait", async () => {
    server.putPod("web-0");
    const transport = await open();
    const stream = await connect(transport);
    expect(await isOpen(stream)).toBe(true);
    server.putPod("web-0", { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } });
    expect((await transport.closed)?.code).toBe("pod_gone");
    await transport.close(0);
    expect(await codeOf(connect(transport))).toBe("connection_lost");
    expect(await isOpen(stream)).toBe(true);
    const gone = failing(stream);
    server.delete("pods", "web-0");
    expect((await gone).code).toBe("pod_gone");
    // And the driver's end is theirs too.
    server.putPod("web-1");
    const second = await vi.waitFor(open, 3000);
    const left = await connect(second);
    expect(await isOpen(left)).toBe(true);
    server.putPod("web-1", { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } });
    await second.closed;
    const cut = failing(left);
    await driver.close();
    expect((await cut).code).toBe("connection_lost");
  });

  test("[kubernetes-balance] a pod that cannot be reached is passed over", async () => {
    server.putPod("web-0");
    server.putPod("web-1");
    server.unreachable.add("web-1");
    const transport = await open();
    for (let at = 0; at < 6; at++) expect(await isOpen(await connect(transport))).toBe(true);
    expect(transport.via).toBe("pod web-0");
  });

  test("a reader that stands still costs other connections nothing", async () => {
    server.putPod("web-0");
    const transport = await open();
    const stalled = await connect(transport);
    stalled.pause();
    let taken = 0;
    for (let at = 0; at < 400 && taken < 4_000_000; at++) {
      taken += 65_536;
      if (!stalled.write(Buffer.alloc(65_536)))
        await Promise.race([once(stalled, "drain"), new Promise((resolve) => setTimeout(resolve, 300))]);
    }
    expect(stalled.readableLength).toBeLessThan(1_000_000);
    const others = await Promise.all(Array.from({ length: 8 }, () => connect(transport)));
    expect(await Promise.all(others.map(isOpen))).toEqual(others.map(() => true));
    stalled.destroy();
  });
});

describe("the protocol of a port-forward", () => {
  const bothRefused = { protocols: ["v4"] } as const;

  async function opened(options: Parameters<typeof ApiServer.start>[0]) {
    const folder = await mkdtemp(join(tmpdir(), "portwright-kube-"));
    const server = await ApiServer.start(options);
    server.putPod("web-0");
    const echo = await startEcho();
    await writeFile(join(folder, "config"), server.kubeconfig());
    const access = accessWith({ KUBECONFIG: join(folder, "config") }, folder);
    const driver = createKubernetesDriver(fastClock);
    const spec = kubernetesService({ resource_type: "pod", resource_name: "web-0" }, echo.port);
    return {
      server,
      open: () => driver.open(spec, { signal: never(), access }),
      async [Symbol.asyncDispose]() {
        await driver.close();
        await server[Symbol.asyncDispose]();
        await echo[Symbol.asyncDispose]();
        await rm(folder, { recursive: true });
      },
    };
  }

  async function echoes(transport: Transport): Promise<boolean> {
    const stream = await transport.connect({ signal: never() });
    const answer = once(stream, "data");
    stream.write("?");
    const [bytes] = (await answer) as [Buffer];
    stream.destroy();
    return String(bytes) === "?";
  }

  /** A connection that has answered, the only one of its server; `failed` resolves with its error. */
  async function answered(
    fixture: Awaited<ReturnType<typeof opened>>,
  ): Promise<{ transport: Transport; failed: Promise<ConnectivityError> }> {
    const transport = await fixture.open();
    const stream = await transport.connect({ signal: never() });
    const failed = new Promise<ConnectivityError>((resolve) => {
      stream.on("error", (error: ConnectivityError) => resolve(error));
    });
    const echoed = once(stream, "data");
    stream.write("?");
    await echoed;
    // Without the one that only asked whether the protocol is understood.
    await vi.waitFor(() => expect(fixture.server.channels.size).toBe(1));
    return { transport, failed };
  }

  test.each([
    ["WebSocket tunnel", { protocols: ["websocket", "spdy", "v4"] }, "websocket"],
    ["SPDY where the WebSocket tunnel is refused", { protocols: ["spdy", "v4"] }, "spdy"],
    ["v4 where both tunnels are refused", bothRefused, "v4.channel.k8s.io"],
    ["v4 behind a gateway that answers 502", { ...bothRefused, refusal: "502 Bad Gateway" }, "v4.channel.k8s.io"],
    ["v4 behind a gateway that answers 403", { ...bothRefused, refusal: "403 Forbidden" }, "v4.channel.k8s.io"],
    [
      "SPDY where the WebSocket tunnel is agreed to but carries nothing",
      { protocols: ["websocket", "spdy"], deafTo: ["websocket"] },
      "spdy",
    ],
  ] as const)("[wire-protocols] %s", async (_what, options, protocol) => {
    await using fixture = await opened(options);
    const transport = await fixture.open();
    expect(transport.facts()["protocol"]).toBe(protocol);
    expect(await echoes(transport)).toBe(true);
    expect("half_close" in transport.facts()).toBe(protocol === "v4.channel.k8s.io");
    // What worked is tried first the next time.
    const before = fixture.server.requests.length;
    await fixture.open();
    const upgrades = fixture.server.requests.slice(before).filter((request) => request.startsWith("UPGRADE"));
    expect(upgrades).toHaveLength(1);
    transport.destroy();
  });

  test("[wire-protocols] a server that is away for a moment is not thought to have forgotten what worked", async () => {
    await using fixture = await opened({ protocols: ["websocket", "spdy", "v4"] });
    (await fixture.open()).destroy();
    const upgrades = (): number => fixture.server.requests.filter((request) => request.startsWith("UPGRADE")).length;
    fixture.server.unreachable.add("web-0");
    for (let failed = 0; failed < 3; failed++) {
      const before = upgrades();
      expect(await codeOf(fixture.open())).toBe("cluster_unreachable");
      expect(upgrades() - before).toBe(1);
    }
    // For so long it may be another server, or another gateway in front of it.
    const before = upgrades();
    expect(await codeOf(fixture.open())).toBe("cluster_unreachable");
    expect(upgrades() - before).toBe(3);
    fixture.server.unreachable.clear();
    const transport = await fixture.open();
    expect(transport.facts()["protocol"]).toBe("websocket");
    transport.destroy();
  });

  test("[wire-protocols] none of them: the first refusal is told", async () => {
    await using fixture = await opened({ protocols: [] });
    expect(await codeOf(fixture.open())).toBe("forward_refused");
  });

  test("[wire-hostile] a channel that was never opened ends that connection alone", async () => {
    await using fixture = await opened(bothRefused);
    const { transport, failed } = await answered(fixture);
    for (const channels of fixture.server.channels) channels.send(Buffer.from([7, 1, 2]));
    expect((await failed).facts["reason"]).toContain("channel");
    expect(await echoes(transport)).toBe(true);
  });

  test("[wire-one-broken] v4: a connection that the server breaks off says nothing of the others", async () => {
    await using fixture = await opened(bothRefused);
    const transport = await fixture.open();
    let lost = false;
    void transport.closed.then(() => (lost = true));
    const kept = await transport.connect({ signal: never() });
    kept.write("?");
    await once(kept, "data");
    // More than a server may drop in a row before it is asked less often.
    for (let broken = 0; broken < 6; broken++) {
      const others = new Set(fixture.server.channels);
      const stream = await transport.connect({ signal: never() });
      const failed = new Promise((resolve) => stream.once("close", resolve));
      stream.write("?");
      await once(stream, "data");
      for (const channels of fixture.server.channels) if (!others.has(channels)) channels.destroy();
      await failed;
      expect(stream.errored).toMatchObject({ code: "connection_lost" });
      expect(await echoes(transport)).toBe(true);
    }
    kept.write("!");
    expect(String((await once(kept, "data"))[0])).toBe("!");
    expect(lost).toBe(false);
    transport.destroy();
  });

  test("[wire-one-broken] v4: while the way is gone open connections go on, and are still the pod's", async () => {
    await using fixture = await opened(bothRefused);
    const transport = await fixture.open();
    const kept = await transport.connect({ signal: never() });
    kept.write("?");
    await once(kept, "data");
    fixture.server.unreachable.add("web-0");
    const refused = await transport.connect({ signal: never() });
    await new Promise((resolve) => refused.once("close", resolve));
    kept.write("!");
    expect(String((await once(kept, "data"))[0])).toBe("!");
    const closed = new Promise((resolve) => kept.once("close", resolve));
    fixture.server.delete("pods", "web-0");
    await closed;
    expect(kept.errored).toMatchObject({ code: "pod_gone" });
  });

  test("[wire-pings] a WebSocket of one connection that falls silent is given up", async () => {
    await using fixture = await opened(bothRefused);
    const { failed } = await answered(fixture);
    for (const channels of fixture.server.channels) channels.mute = true;
    expect((await failed).message).toContain("no longer answers");
  });
});
