import { Clusters } from "#adapters/kubernetes/clusters.ts";
import { KubernetesDriver } from "#adapters/kubernetes/kubernetes-driver.ts";
import { createMemoryPins } from "#adapters/kubernetes/memory-pins.ts";
import { PinnedClusters } from "#adapters/kubernetes/pinned-clusters.ts";
import { knownServer, type TunnelProtocol } from "#adapters/kubernetes/wire/tunnel-protocol.ts";
import { accessWith, kubernetesService, realClock } from "../kubernetes-access.ts";
import { relayedCluster } from "../relayed-cluster.ts";
import { makeRuntime, type RuntimeUnderTest } from "../service-runtime.ts";
import { TestNamespace } from "../testbed-cluster.ts";
import { disturbRelay, relayDisturbances } from "./disturb-relay.ts";
import type { Random } from "./random.ts";
import type { Scenario } from "./scenarios.ts";
import type { Way } from "./soak.ts";
import { targetProgram } from "./target.ts";

const ports = { main: 9100, banner: 9101, refused: 9102 };

/** The target in pods of the testbed's cluster: Node of this machine, mounted. */
const targets = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "target" },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "target" } },
    template: {
      metadata: { labels: { app: "target" } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "target",
            image: "testbed.local/services:1",
            imagePullPolicy: "IfNotPresent",
            command: ["/node", "-e", targetProgram(ports.main, ports.banner, "0.0.0.0")],
            readinessProbe: { tcpSocket: { port: ports.banner }, periodSeconds: 1 },
            volumeMounts: [{ name: "node", mountPath: "/node" }],
          },
        ],
        volumes: [{ name: "node", hostPath: { path: process.execPath, type: "File" } }],
      },
    },
  },
};

export type KubernetesSoak = AsyncDisposable & {
  /** A way of its own over a protocol. */
  way(protocol: TunnelProtocol, disturbed: boolean): Promise<Way & AsyncDisposable>;
};

/** A namespace with a target, reached through a relay that can be cut. */
export async function kubernetesSoak(kubeconfig: string): Promise<KubernetesSoak> {
  const namespace = await TestNamespace.create("soak");
  const { relay, file } = await relayedCluster(kubeconfig, namespace.folder);
  await namespace.apply(targets);
  await namespace.kubectl("rollout", "status", "deployment/target", "--timeout=60s");

  const heard: string[] = [];
  const logs = async (): Promise<void> => {
    const names = (await namespace.kubectl("get", "pods", "-o", "name")).split("\n").filter(Boolean);
    for (const name of names) heard.push(...(await namespace.kubectl("logs", name).catch(() => "")).split("\n"));
  };

  async function way(protocol: TunnelProtocol, disturbed: boolean): Promise<Way & AsyncDisposable> {
    const clusters = new Clusters(realClock, undefined);
    const driver = new KubernetesDriver(clusters, new PinnedClusters(createMemoryPins(), realClock));
    const access = accessWith({ KUBECONFIG: file, PATH: process.env["PATH"] ?? "" });
    knownServer(await clusters.api(access, undefined, undefined)).worked(realClock.monotonicMs(), protocol);
    const running = {} as Record<Scenario["port"], RuntimeUnderTest>;
    for (const [name, port] of Object.entries(ports)) {
      const spec = kubernetesService(
        { namespace: namespace.name, resource_type: "deployment", resource_name: "target" },
        port,
        {
          health_check: { type: "tcp", interval: "60s", config: {} },
          waiting_room: { connections: 2000, timeout: name === "refused" ? "1s" : "10s" },
        },
      );
      const under = makeRuntime(spec, { driver: () => Promise.resolve(driver), access });
      await under.runtime.start();
      if (name !== "refused") await under.becomes("ready", 20_000);
      running[name as Scenario["port"]] = under;
    }
    const disturb = async (random: Random): Promise<string> => {
      const how = random.of(...relayDisturbances, "pod");
      if (how !== "pod") return disturbRelay(relay, how, "cluster");
      await logs();
      await namespace.kubectl("delete", "pod", "-l", "app=target", "--force", "--grace-period=0", "--wait=false");
      await namespace.kubectl("rollout", "status", "deployment/target", "--timeout=60s");
      return "pod deleted";
    };
    return {
      name: protocol,
      limits: { halfClose: false, resets: true, refuses: true, mostBytes: 2_000_000 },
      port: (of) => running[of].runtime.port,
      ...(disturbed && { disturb }),
      async targetLines() {
        await logs();
        return heard;
      },
      state: () => ({
        ...running.main.runtime.transport?.facts(),
        changes: Object.values(running).map(({ changes }) => changes.slice(-10)),
      }),
      async [Symbol.asyncDispose]() {
        for (const under of Object.values(running)) await under[Symbol.asyncDispose]();
        await driver.close();
      },
    };
  }
  return {
    way,
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await namespace[Symbol.asyncDispose]();
    },
  };
}
