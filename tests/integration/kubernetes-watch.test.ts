import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createKubernetesDriver } from "#adapters/kubernetes/index.ts";
import type { Access } from "#application/ports/access.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import { startEcho, type Target } from "../contract/forward-driver-targets.ts";
import { ApiServer } from "../support/api-server.ts";
import { accessWith, codeOf, kubernetesService, realClock } from "../support/kubernetes-access.ts";

const never = (): AbortSignal => new AbortController().signal;

describe("[kubernetes-watch] what is followed of a cluster", () => {
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
  });
  afterEach(async () => {
    await driver.close();
    await server[Symbol.asyncDispose]();
    await echo[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const putService = (name: string): void =>
    server.put("services", {
      metadata: { name },
      spec: { selector: { app: name }, ports: [{ name: "main", port: 80, targetPort: echo.port }] },
    });
  const putPod = (name: string, app: string): void => server.putPod(name, { metadata: { labels: { app } } });
  const putSlice = (service: string, pods: readonly string[], ready = true): void =>
    server.put("endpointslices", {
      metadata: { name: `${service}-1`, labels: { "kubernetes.io/service-name": service } },
      endpoints: pods.map((name) => ({
        addresses: ["10.0.0.1"],
        conditions: { ready },
        targetRef: { kind: "Pod", name, uid: `uid-${name}` },
      })),
      ports: [{ name: "main", port: echo.port }],
    } as never);
  const open = (connection: Readonly<Record<string, unknown>>, port: number | string = 80): Promise<Transport> =>
    driver.open(kubernetesService(connection, port), { signal: never(), access });
  const echoes = async (transport: Transport): Promise<boolean> => {
    const stream = await transport.connect({ signal: never() });
    const echoed = once(stream, "data");
    stream.write("?");
    const same = String((await echoed)[0]) === "?";
    stream.destroy();
    return same;
  };
  const asked = (resource: string): number => server.requests.filter((line) => line.endsWith(`/${resource}`)).length;

  test("twenty services of one namespace share its watches", async () => {
    for (let at = 0; at < 20; at++) {
      putService(`web-${at}`);
      putPod(`pod-${at}`, `web-${at}`);
    }
    const transports = await Promise.all(Array.from({ length: 20 }, (_, at) => open({ resource_name: `web-${at}` })));
    expect(transports.map(({ via }) => via)).toEqual(Array.from({ length: 20 }, (_, at) => `pod pod-${at}`));
    expect(server.watches).toBe(3);
    // A list and a watch of each kind.
    expect(["services", "endpointslices", "pods"].map(asked)).toEqual([2, 2, 2]);
  });

  test("[kubernetes-slices] a service follows its slices, and its pods where those may not be read", async () => {
    putService("web");
    putPod("a", "web");
    putPod("b", "web");
    putSlice("web", ["a"]);
    const transport = await open({ resource_name: "web" });
    expect(transport.via).toBe("pod a");
    putSlice("web", ["b"]);
    await vi.waitFor(() => expect(transport.via).toBe("pod b"));
    server.denies = ({ resource }) => resource === "endpointslices";
    await driver.close();
    driver = createKubernetesDriver(realClock);
    const byPods = await open({ resource_name: "web" });
    await vi.waitFor(() => expect(byPods.via).toBe("2 pods of service web"));
  });

  test("[kubernetes-slices] a service without selector leads to the pods that its slices name", async () => {
    server.put("services", { metadata: { name: "manual" }, spec: { ports: [{ name: "main", port: 80 }] } });
    expect(await codeOf(open({ resource_name: "manual" }))).toBe("service_without_selector");
    putPod("a", "other");
    putSlice("manual", ["a"]);
    await vi.waitFor(async () => expect((await open({ resource_name: "manual" })).via).toBe("pod a"));
  });

  test("an account that may read only the named objects gets watches of its own", async () => {
    putService("web");
    putPod("a", "web");
    server.denies = ({ narrow }) => !narrow;
    const transport = await open({ resource_name: "web" });
    expect(await echoes(transport)).toBe(true);
    server.denies = () => true;
    expect(await codeOf(open({ resource_name: "other", namespace: "elsewhere" }))).toBe("permission_denied");
  });

  test("an account that may list but not watch is served by lists", async () => {
    putService("web");
    putPod("a", "web");
    server.denies = ({ watch }) => watch;
    expect(await echoes(await open({ resource_name: "web" }))).toBe(true);
  });

  test("a namespace too large to follow as a whole is followed by selectors", async () => {
    putService("web");
    for (let at = 0; at < 1100; at++) putPod(`other-${at}`, "other");
    putPod("a", "web");
    const transport = await open({ resource_name: "web" });
    expect(transport.via).toBe("pod a");
    putPod("b", "web");
    await vi.waitFor(() => expect(transport.via).toBe("2 pods of service web"));
  });

  test("by labels, by a workload's labels beside a selector, and by ordinal", async () => {
    server.put("statefulsets", {
      metadata: { name: "db" },
      spec: { replicas: 2, selector: { matchLabels: { app: "db" } } },
    });
    putPod("db-0", "db");
    putPod("db-1", "db");
    const byOrdinal = { resource_type: "statefulset", resource_name: "db", ordinal: 1 };
    expect((await open(byOrdinal, echo.port)).via).toBe("pod db-1");
    expect((await open({ selector: "app in (db)" }, echo.port)).facts()).toMatchObject({ port: echo.port });
    expect(await codeOf(open({ ...byOrdinal, ordinal: 2 }, echo.port))).toBe("no_matching_pods");
    expect(await codeOf(open({ selector: "app=nobody" }, echo.port))).toBe("no_matching_pods");
    const ordinal = await open(byOrdinal, echo.port);
    server.delete("pods", "db-1");
    expect((await ordinal.closed)?.code).toBe("pod_gone");
    putPod("db-1", "db");
    expect(await echoes(await open(byOrdinal, echo.port))).toBe(true);
  });

  test("a dial that finds nothing looks again where the watch has died without a word", async () => {
    putService("web");
    putPod("a", "web");
    const transport = await open({ resource_name: "web" });
    await vi.waitFor(() => expect(server.watches).toBe(3));
    server.delete("pods", "a");
    await transport.closed;
    server.deafen();
    putPod("b", "web");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await open({ resource_name: "web" })).via).toBe("pod b");
  });
});
