import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { ProbeResult } from "#application/ports/probe.ts";
import { createKubernetesDriver } from "#adapters/kubernetes/index.ts";
import { ApiServer } from "../support/api-server.ts";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { accessWith, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import { check } from "../support/probe-path.ts";
import { slowRelay } from "../support/probe-relays.ts";
import { makeRuntime } from "../support/service-runtime.ts";
import { startEcho, closedPort } from "../contract/forward-driver-targets.ts";

const protocols = ["websocket", "spdy", "v4"] as const;
const never = (): AbortSignal => new AbortController().signal;

/** A pod that is asked for a port of this machine, and perhaps something between us and its API server. */
async function opened(
  protocol: (typeof protocols)[number],
  port: number,
  between?: (port: number) => Promise<{ readonly port: number } & AsyncDisposable>,
) {
  const folder = await mkdtemp(join(tmpdir(), "portwright-kube-"));
  const server = await ApiServer.start({ protocols: [protocol] });
  server.putPod("web-0");
  const relay = await between?.(Number(new URL(server.url).port));
  const config = server.kubeconfig();
  const file = join(folder, "config");
  await writeFile(file, relay ? config.replace(server.url, `https://127.0.0.1:${relay.port}`) : config);
  const driver: ForwardDriver = createKubernetesDriver(realClock);
  const access = accessWith({ KUBECONFIG: file }, folder);
  const transport: Transport = await driver.open(
    kubernetesService({ resource_type: "pod", resource_name: "web-0" }, port),
    { signal: never(), access },
  );
  return {
    server,
    driver,
    access,
    tcp: (timeoutMs = 15_000): Promise<ProbeResult> =>
      check(
        { type: "tcp" },
        {
          host: "localhost",
          port,
          connect: (signal) => transport.connectForCheck?.({ signal }) ?? transport.connect({ signal }),
        },
        { timeoutMs },
      ),
    async [Symbol.asyncDispose]() {
      transport.destroy();
      await driver.close();
      await relay?.[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

describe.each(protocols)("a tcp check of a pod over %s", (protocol) => {
  test("[wire-reached] an open port is verified", async () => {
    await using target = await startEcho();
    await using pod = await opened(protocol, target.port);
    expect(await pod.tcp()).toMatchObject({ ok: true, by: "tcp" });
  });

  test("[wire-reached] a closed port is never called open, however far away it is", async () => {
    await using pod = await opened(protocol, await closedPort(), (port) => slowRelay(port, 400));
    expect(await pod.tcp()).toMatchObject({ ok: false, code: "target_port_closed" });
  });

  test("[wire-reached] nor where its node is so busy that the refusal takes its time", async () => {
    await using pod = await opened(protocol, await closedPort());
    pod.server.dialMs = 500;
    expect(await pod.tcp()).toMatchObject({ ok: false, code: "target_port_closed" });
  });

  test("[wire-reached] an open port there is verified in the end", async () => {
    await using target = await startEcho();
    await using pod = await opened(protocol, target.port, (port) => slowRelay(port, 100));
    pod.server.dialMs = 400;
    expect(await pod.tcp()).toMatchObject({ ok: true, by: "tcp" });
  });

  test("[wire-reached] over a way that carries nothing any more nothing is verified", async () => {
    await using target = await startEcho();
    let relay: CuttableRelay | undefined;
    await using pod = await opened(protocol, target.port, async (port) => {
      relay = await CuttableRelay.start({ host: "127.0.0.1", port });
      return relay;
    });
    expect(await pod.tcp()).toMatchObject({ ok: true });
    const checked = pod.tcp(1500);
    // Its WebSocket, where each connection has one, is open by then.
    setTimeout(() => relay?.freeze(), protocol === "v4" ? 100 : 0);
    expect(await checked).toMatchObject({ ok: false });
  });
});

test("[wire-reached] checks of a quiet way ask for a port that nobody listens on once", async () => {
  await using target = await startEcho();
  await using pod = await opened("websocket", target.port);
  for (let checked = 0; checked < 4; checked++) expect(await pod.tcp()).toMatchObject({ ok: true });
  const asked = [...pod.server.tunnels].flatMap((tunnel) => tunnel.asked);
  expect(asked.filter((port) => port === target.port)).toHaveLength(4);
  // Once on a tunnel; a machine that is busy meanwhile is asked again.
  expect(asked.filter((port) => port !== target.port).length).toBeLessThan(4);
});

test("[wire-reached] a service whose port is closed is never ready, not even for a moment", async () => {
  const port = await closedPort();
  await using pod = await opened("websocket", port);
  pod.server.dialMs = 500;
  const spec = kubernetesService({ resource_type: "pod", resource_name: "web-0" }, port, {
    health_check: { type: "tcp", interval: "1s", config: {} },
  });
  await using service = makeRuntime(spec, { driver: () => Promise.resolve(pod.driver), access: pod.access });
  await service.runtime.start();
  await vi.waitFor(() => expect(service.changes.join()).toContain("target_port_closed"), 20_000);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(service.changes.filter((change) => change.includes("→ ready"))).toEqual([]);
});
