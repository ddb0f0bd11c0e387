import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createKubernetesDriver } from "#adapters/kubernetes/index.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import { eventually } from "../support/eventually.ts";
import { accessWith, codeOf, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import { service, testbedKubeconfig, TestNamespace } from "../support/testbed-cluster.ts";

const within = (ms = 20_000): AbortSignal => AbortSignal.timeout(ms);
const containers = (keys: Readonly<Record<string, unknown>> = {}): unknown => ({
  terminationGracePeriodSeconds: 1,
  containers: [
    {
      name: "web",
      image: "registry.k8s.io/e2e-test-images/agnhost:2.53",
      imagePullPolicy: "IfNotPresent",
      args: ["netexec", "--http-port=8080", "--udp-port=8081"],
      ports: [{ name: "http", containerPort: 8080 }],
      readinessProbe: { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 1 },
      ...keys,
    },
  ],
});

/** A workload whose pods have `app: NAME`. */
function workload(kind: string, name: string, spec: Readonly<Record<string, unknown>>, pod = containers()): unknown {
  const labels = { app: name, kind: kind.toLowerCase() };
  return {
    apiVersion: kind === "Job" ? "batch/v1" : "apps/v1",
    kind,
    metadata: { name },
    spec: {
      ...(kind !== "Job" && { selector: { matchLabels: { app: name } } }),
      template: {
        metadata: { labels },
        spec: { ...(pod as object), ...(kind === "Job" && { restartPolicy: "Never" }) },
      },
      ...spec,
    },
  };
}

describe.skipIf(testbedKubeconfig === undefined)(
  "kinds of targets on a real cluster (needs TESTBED_KUBECONFIG)",
  () => {
    const access = accessWith({ KUBECONFIG: testbedKubeconfig ?? "", PATH: process.env["PATH"] ?? "" });
    let namespace: TestNamespace;
    let driver: ForwardDriver;
    const opened: Transport[] = [];
    const open = async (
      connection: Readonly<Record<string, unknown>>,
      port: number | string,
      keys: Readonly<Record<string, unknown>> = {},
    ): Promise<Transport> => {
      const spec = kubernetesService({ namespace: namespace.name, ...connection }, port, keys);
      const transport = await driver.open(spec, { signal: within(), access });
      opened.push(transport);
      return transport;
    };
    const hostname = async (transport: Transport): Promise<string> => {
      const stream = await transport.connect({ signal: within() });
      stream.write("GET /hostname HTTP/1.1\r\nHost: localhost\r\n\r\n");
      let answer = "";
      for await (const chunk of stream) {
        answer += String(chunk);
        const [head = "", body] = answer.split("\r\n\r\n");
        const length = /content-length: (\d+)/i.exec(head)?.[1];
        if (body !== undefined && body.length >= Number(length ?? 1)) return body;
      }
      return answer;
    };

    beforeAll(async () => {
      namespace = await TestNamespace.create("targets");
      driver = createKubernetesDriver(realClock);
      const unready = containers({ readinessProbe: { exec: { command: ["/bin/false"] }, periodSeconds: 1 } });
      await namespace.apply(
        workload("StatefulSet", "db", { replicas: 2, serviceName: "db", podManagementPolicy: "Parallel" }),
        workload("DaemonSet", "agent", {}),
        workload("ReplicaSet", "plain", { replicas: 1 }),
        workload("Job", "once", {}),
        workload("Deployment", "shy", { replicas: 1 }, unready),
        service("db", {
          clusterIP: "None",
          selector: { app: "db" },
          ports: [{ name: "main", port: 80, targetPort: "http" }],
        }),
        service("shy", { selector: { app: "shy" }, ports: [{ port: 80, targetPort: 8080 }] }),
        service("bold", {
          selector: { app: "shy" },
          publishNotReadyAddresses: true,
          ports: [{ port: 80, targetPort: 8080 }],
        }),
        service("manual", { ports: [{ name: "main", port: 80 }] }),
      );
      await namespace.kubectl("rollout", "status", "statefulset/db", "--timeout=60s");
      await namespace.kubectl("rollout", "status", "daemonset/agent", "--timeout=60s");
      await namespace.kubectl("wait", "--for=condition=Ready", "pod", "-l", "app in (plain,once)", "--timeout=60s");
      for (const name of ["db", "bold"]) await namespace.served(name);
    }, 120_000);
    afterAll(async () => {
      for (const transport of opened) transport.destroy();
      await driver.close();
      await namespace[Symbol.asyncDispose]();
    });

    test("[kubernetes-kinds] a daemonset, a replicaset and a job", async () => {
      for (const [resource_type, resource_name] of [
        ["daemonset", "agent"],
        ["replicaset", "plain"],
        ["job", "once"],
      ] as const)
        expect(await hostname(await open({ resource_type, resource_name }, "http"))).toMatch(
          new RegExp(`^${resource_name}-`),
        );
    });

    test("[kubernetes-ordinal] a StatefulSet's pod by its ordinal, also the next one of that name", async () => {
      const second = { resource_type: "statefulset", resource_name: "db", ordinal: 1 };
      const transport = await open(second, 8080);
      expect(await hostname(transport)).toBe("db-1");
      await namespace.kubectl("delete", "pod", "db-1", "--wait=false");
      expect((await transport.closed)?.code).toBe("pod_gone");
      await eventually(
        async () =>
          (await open(second, 8080)
            .then(hostname)
            .catch(() => "")) === "db-1",
        30_000,
        200,
      );
      expect(await codeOf(open({ ...second, ordinal: 7 }, 8080))).toBe("no_matching_pods");
    }, 60_000);

    test("[kubernetes-balance] a headless service, by number and name, spreads; a StatefulSet stays with one pod", async () => {
      await namespace.kubectl("rollout", "status", "statefulset/db", "--timeout=60s");
      for (const port of [80, "main"]) {
        const spread = await open({ resource_name: "db" }, port, { balance: "round_robin" });
        await eventually(async () => spread.via === "2 pods of service db", 5000, 20);
        const names = [await hostname(spread), await hostname(spread), await hostname(spread), await hostname(spread)];
        expect(names.toSorted()).toEqual(["db-0", "db-0", "db-1", "db-1"]);
      }
      const single = await open({ resource_type: "statefulset", resource_name: "db" }, "http");
      expect(new Set([await hostname(single), await hostname(single), await hostname(single)]).size).toBe(1);
    }, 30_000);

    test("[kubernetes-selector] labels alone, and beside a name", async () => {
      expect(await hostname(await open({ selector: "kind in (daemonset),app!=db" }, "http"))).toMatch(/^agent-/);
      expect(
        await hostname(await open({ resource_name: "db", selector: "statefulset.kubernetes.io/pod-name=db-1" }, 80)),
      ).toBe("db-1");
      expect(await codeOf(open({ selector: "app=nobody" }, 80))).toBe("no_matching_pods");
    });

    test("[kubernetes-slices] publishNotReadyAddresses, and a service whose slices somebody made by hand", async () => {
      expect(await codeOf(open({ resource_name: "shy" }, 80))).toBe("pod_not_ready");
      expect(await hostname(await open({ resource_name: "bold" }, 80))).toMatch(/^shy-/);
      expect(await codeOf(open({ resource_name: "manual" }, 80))).toBe("service_without_selector");
      const [name, uid, address] = (
        await namespace.kubectl("get", "pod", "db-0", "-o", "jsonpath={.metadata.name} {.metadata.uid} {.status.podIP}")
      ).split(" ");
      const slice = (targetRef: unknown): unknown => ({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: "manual-1", labels: { "kubernetes.io/service-name": "manual" } },
        addressType: "IPv4",
        ports: [{ name: "main", port: 8080 }],
        endpoints: [
          { addresses: [address], conditions: { ready: true }, ...(targetRef !== undefined && { targetRef }) },
        ],
      });
      await namespace.apply(slice(undefined));
      await eventually(
        async () => {
          const failure = await open({ resource_name: "manual" }, 80).catch((error: unknown) => error);
          return String(failure).includes("no pods");
        },
        10_000,
        200,
      );
      await namespace.apply(slice({ kind: "Pod", name, uid, namespace: namespace.name }));
      await eventually(
        async () =>
          (await open({ resource_name: "manual" }, 80)
            .then(hostname)
            .catch(() => "")) === "db-0",
        10_000,
        200,
      );
    }, 40_000);
  },
);
