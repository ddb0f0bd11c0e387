import type { Fact } from "#domain/diagnosis/fact.ts";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { createKubernetes, type KubernetesAdapter } from "#adapters/kubernetes/index.ts";
import { accessWith, codeOf, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import { deployment, service, testbedKubeconfig, TestNamespace } from "../support/testbed-cluster.ts";

const within = (ms = 20_000): AbortSignal => AbortSignal.timeout(ms);

async function readAll(stream: TunnelStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** One request to agnhost; the answer's body. */
async function get(transport: Transport, path: string): Promise<string> {
  const stream = await transport.connect({ signal: within() });
  stream.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  let answer = "";
  for await (const chunk of stream) {
    answer += String(chunk);
    const [head = "", body] = answer.split("\r\n\r\n");
    const length = /content-length: (\d+)/i.exec(head)?.[1];
    if (body !== undefined && body.length >= Number(length ?? 0)) return body;
  }
  return answer;
}

describe.skipIf(testbedKubeconfig === undefined)(
  "kubernetes driver on a real cluster (needs TESTBED_KUBECONFIG)",
  () => {
    const access = accessWith({ KUBECONFIG: testbedKubeconfig ?? "", PATH: process.env["PATH"] ?? "" });
    let namespace: TestNamespace;
    let adapter: KubernetesAdapter;
    const open = (connection: Readonly<Record<string, unknown>>, port: number | string): Promise<Transport> =>
      adapter.driver.open(kubernetesService({ namespace: namespace.name, ...connection }, port), {
        signal: within(),
        access,
      });

    beforeAll(async () => {
      namespace = await TestNamespace.create("forward");
      adapter = createKubernetes(realClock);
      await namespace.apply(
        deployment("web"),
        deployment("asleep", 0),
        service("web", { selector: { app: "web" }, ports: [{ name: "main", port: 80, targetPort: "http" }] }),
        service("asleep", { selector: { app: "asleep" }, ports: [{ port: 80 }] }),
        service("nobody", { selector: { app: "nobody" }, ports: [{ port: 80 }] }),
        service("outside", { type: "ExternalName", externalName: "localhost" }),
        service("wrong-name", { selector: { app: "web" }, ports: [{ port: 80, targetPort: "htpp" }] }),
      );
      await namespace.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=60s");
      for (const name of ["web", "wrong-name"]) await namespace.served(name);
    }, 120_000);

    afterAll(async () => {
      await adapter.driver.close();
      await namespace[Symbol.asyncDispose]();
    });

    test("[kubernetes-targets] reaches a service, a deployment and a pod, by port number and name", async () => {
      const pod = await namespace.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}");
      const targets = [
        [{ resource_name: "web" }, 80],
        [{ resource_name: "web" }, "main"],
        [{ resource_name: "web", resource_type: "deployment" }, 8080],
        [{ resource_name: "web", resource_type: "deployment" }, "http"],
        [{ resource_name: pod, resource_type: "pod" }, "http"],
      ] as const;
      for (const [connection, port] of targets) {
        const transport = await open(connection, port);
        expect(transport.via).toBe(`pod ${pod}`);
        expect(transport.facts()).toMatchObject({
          pod,
          namespace: namespace.name,
          context: "testbed",
          protocol: "websocket",
        });
        expect(await get(transport, "/hostname")).toBe(pod);
        transport.destroy();
      }
    });

    test.each([
      [{ resource_name: "web", context: "testbed-viewer" }, 80, "permission_denied"],
      [{ resource_name: "web", context: "tetsbed" }, 80, "context_missing"],
      [{ resource_name: "web", namespace: "no-such-namespace" }, 80, "namespace_missing"],
      [{ resource_name: "wbe" }, 80, "resource_missing"],
      [{ resource_name: "web-9", resource_type: "pod" }, 80, "resource_missing"],
      [{ resource_name: "web" }, 81, "target_port_missing"],
      [{ resource_name: "wrong-name" }, 80, "target_port_missing"],
      [{ resource_name: "outside" }, 80, "service_without_selector"],
      [{ resource_name: "nobody" }, 80, "no_matching_pods"],
      [{ resource_name: "asleep" }, 80, "scaled_to_zero"],
      [{ resource_name: "asleep", resource_type: "deployment" }, 80, "scaled_to_zero"],
    ] as const)("%j port %s is refused with %s", async (connection, port, code) => {
      expect(await codeOf(open(connection, port))).toBe(code);
    });

    test("[kubernetes-error-stream] a closed port is the stream's error, and the others on the transport live on", async () => {
      const transport = await open({ resource_name: "web", resource_type: "deployment" }, 9);
      const stream = await transport.connect({ signal: within() });
      const [error] = (await once(stream, "error", { signal: within() })) as [ConnectivityError];
      expect(error.code).toBe("target_port_closed");
      expect(error.untrusted).toContain("connection refused");
      expect(error.message).not.toContain("refused");
      await expect(transport.connect({ signal: within() })).resolves.toBeDefined();
      transport.destroy();
    });

    test("100 MB both ways at once with checksums, ended by a half-close", async () => {
      const transport = await open({ resource_name: "web", resource_type: "deployment" }, "echo");
      const stream = await transport.connect({ signal: within() });
      const chunk = randomBytes(1_000_000);
      const up = createHash("sha256");
      const down = createHash("sha256");
      let received = 0;
      stream.on("data", (bytes: Buffer) => {
        down.update(bytes);
        received += bytes.length;
      });
      const ended = once(stream, "end", { signal: within(60_000) });
      for (let sent = 0; sent < 100; sent++) {
        up.update(chunk);
        if (!stream.write(chunk)) await once(stream, "drain", { signal: within(30_000) });
      }
      stream.end();
      await ended;
      expect(received).toBe(100_000_000);
      expect(down.digest("hex")).toBe(up.digest("hex"));
      transport.destroy();
    }, 90_000);

    test("64 connections at once do not get each other's bytes", async () => {
      const transport = await open({ resource_name: "web", resource_type: "deployment" }, "http");
      const run = async (): Promise<boolean> => {
        const message = randomBytes(500).toString("hex");
        return (await get(transport, `/echo?msg=${message}`)).includes(message);
      };
      expect(await Promise.all(Array.from({ length: 64 }, run))).toEqual(Array.from({ length: 64 }, () => true));
      transport.destroy();
    });

    test("half-close: an answer that takes longer than a second comes whole", async () => {
      const transport = await open({ resource_name: "web", resource_type: "deployment" }, "http");
      const stream = await transport.connect({ signal: within() });
      const received = readAll(stream);
      stream.end("GET /shell?cmd=sleep%202%26%26echo%20late HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      expect(String(await received)).toContain("late");
      transport.destroy();
    });

    test("a pod deleted under a forward: closed says so, and the replacement is used as soon as it is ready", async () => {
      let changes = 0;
      const spec = kubernetesService({ namespace: namespace.name, resource_name: "web" }, 80);
      const following = adapter.driver.watch?.(spec, access, () => changes++);
      const transport = await open({ resource_name: "web" }, 80);
      const before = transport.via.replace("pod ", "");
      const stream = await transport.connect({ signal: within() });
      const broken = new Promise<string>((resolve) => {
        stream.on("error", (error: ConnectivityError) => resolve(error.code));
        stream.on("close", () => resolve("closed by the pod"));
      });
      stream.resume();
      await namespace.kubectl("delete", "pod", before, "--wait=false");
      expect((await transport.closed)?.code).toBe("pod_gone");
      const seen = changes;
      // It goes on until its pod is gone, or until the program in it, told to end, has closed it in order.
      expect(["pod_gone", "closed by the pod"]).toContain(await broken);
      let next: Transport | undefined;
      await vi.waitFor(
        async () => {
          next = await open({ resource_name: "web" }, 80);
        },
        { timeout: 20_000, interval: 50 },
      );
      expect(changes).toBeGreaterThan(seen);
      following?.[Symbol.dispose]();
      expect(next?.via).not.toBe(`pod ${before}`);
      expect(await get(next as Transport, "/hostname")).toBe(next?.via.replace("pod ", ""));
      next?.destroy();
    }, 60_000);

    test("a rollout moves new connections to the new pod before the old one goes", async () => {
      const transport = await open({ resource_name: "web", resource_type: "deployment" }, 8080);
      const before = transport.via;
      await namespace.kubectl("rollout", "restart", "deployment/web");
      const failures: string[] = [];
      // For a moment both are warm.
      const moving = (): boolean => transport.via === before || transport.via.includes(" pods of ");
      for (const end = Date.now() + 15_000; Date.now() < end && moving();) {
        try {
          await get(transport, "/hostname");
        } catch (error) {
          failures.push(String(error));
        }
      }
      expect(transport.via).not.toBe(before);
      expect(failures).toEqual([]);
      expect(await get(transport, "/hostname")).toBe(transport.via.replace("pod ", ""));
      transport.destroy();
    }, 60_000);

    test("facts for diagnosis are asked beside the way, three-valued, each with its source", async () => {
      const facts: Fact[] = [];
      await adapter.facts.gather(
        { spec: kubernetesService({ namespace: namespace.name, resource_name: "web" }, 80), access, signal: within() },
        (fact) => void facts.push(fact),
      );
      const truth = (kind: Fact["kind"]): string | undefined => facts.find((fact) => fact.kind === kind)?.truth;
      expect(
        ["kubeconfig", "name", "tcp", "tls", "authentication", "namespace", "object", "pods"].map((kind) =>
          truth(kind as Fact["kind"]),
        ),
      ).toEqual(Array.from({ length: 8 }, () => "yes"));
      expect(facts.every(({ source, atMs }) => source !== "" && atMs > 0)).toBe(true);
    });
  },
);
