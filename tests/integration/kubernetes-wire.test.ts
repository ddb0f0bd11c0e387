import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { Clusters } from "#adapters/kubernetes/clusters.ts";
import { dialTunnel } from "#adapters/kubernetes/wire/dial-tunnel.ts";
import type { PodLink } from "#adapters/kubernetes/wire/pod-link.ts";
import type { TunnelProtocol } from "#adapters/kubernetes/wire/tunnel-protocol.ts";
import { accessWith, realClock } from "../support/kubernetes-access.ts";
import { deployment, testbedKubeconfig, TestNamespace } from "../support/testbed-cluster.ts";

const within = (ms = 20_000): AbortSignal => AbortSignal.timeout(ms);

/** Sends bytes in pieces with back-pressure, ends, and digests what comes back. */
async function echoed(stream: Duplex, bytes: number): Promise<boolean> {
  const [up, down] = [createHash("sha256"), createHash("sha256")];
  let received = 0;
  const all = new Promise<void>((resolve, reject) => {
    stream.on("error", reject);
    stream.on("data", (chunk: Buffer) => {
      down.update(chunk);
      received += chunk.length;
      if (received >= bytes) resolve();
    });
  });
  for (let sent = 0; sent < bytes;) {
    const chunk = randomBytes(Math.min(500_000, bytes - sent));
    sent += chunk.length;
    up.update(chunk);
    if (!stream.write(chunk)) await once(stream, "drain", { signal: within(60_000) });
  }
  await all;
  stream.destroy();
  return received === bytes && up.digest("hex") === down.digest("hex");
}

describe.skipIf(testbedKubeconfig === undefined)(
  "each protocol of the wire on a real cluster (needs TESTBED_KUBECONFIG)",
  () => {
    const access = accessWith({ KUBECONFIG: testbedKubeconfig ?? "", PATH: process.env["PATH"] ?? "" });
    const protocols: readonly TunnelProtocol[] = ["websocket", "spdy", "v4"];
    let clusters: Clusters;
    let namespace: TestNamespace;
    let pod: string;
    const links: PodLink[] = [];

    beforeAll(async () => {
      clusters = new Clusters(realClock);
      namespace = await TestNamespace.create("wire");
      await namespace.apply(deployment("web"));
      await namespace.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=60s");
      pod = await namespace.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}");
    }, 90_000);
    afterAll(async () => {
      for (const link of links) link.destroy();
      clusters.close();
      await namespace[Symbol.asyncDispose]();
    });

    async function link(protocol: TunnelProtocol): Promise<PodLink> {
      const api = await clusters.api(access);
      const opened = await dialTunnel({
        api,
        namespace: namespace.name,
        pod,
        access,
        clock: realClock,
        signal: within(),
        among: [protocol],
      });
      links.push(opened);
      return opened;
    }
    const target = (port: number) => ({ namespace: namespace.name, pod, port, endCuts: true });

    test.each(protocols)(
      "[wire-protocols] %s: bytes both ways at once, the whole answer, a closed port told",
      async (protocol) => {
        const opened = await link(protocol);
        expect(opened.protocol).toBe(protocol === "v4" ? "v4.channel.k8s.io" : protocol);
        const asked = opened.open(target(8080));
        asked.end("GET /shell?cmd=sleep%202%26%26echo%20late HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let text = "";
        for await (const chunk of asked) text += String(chunk);
        expect(text).toContain("late");

        const refused = opened.open(target(9));
        const [error] = (await once(refused.resume(), "error", { signal: within() })) as [ConnectivityError];
        expect(error.code).toBe("target_port_closed");
        expect(opened.usable).toBe(true);

        expect(await echoed(opened.open(target(9000)), 20_000_000)).toBe(true);
      },
      60_000,
    );
  },
);
