import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Transport } from "#application/ports/forward-driver.ts";
import { createKubernetes, type KubernetesAdapter } from "#adapters/kubernetes/index.ts";
import { accessWith, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import { forwardLocally } from "../support/local-forward.ts";
import { deployment, testbedKubeconfig, TestNamespace } from "../support/testbed-cluster.ts";

const run = promisify(execFile);
const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);
const megabyte = 1_000_000;

const connect = async (port: number): Promise<net.Socket> => {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect", { signal: within(20_000) });
  return socket;
};

/** Sends bytes of its own to an echo, reading all the while. @returns whether exactly they came back */
async function echoed(port: number, bytes: number): Promise<boolean> {
  const socket = await connect(port);
  const [up, down] = [createHash("sha256"), createHash("sha256")];
  let received = 0;
  const all = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      down.update(chunk);
      received += chunk.length;
      if (received >= bytes) resolve();
    });
    socket.on("close", () => resolve());
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const block = randomBytes(Math.min(bytes, megabyte));
  for (let sent = 0; sent < bytes && !socket.destroyed;) {
    // Each block differs, so that one in the place of another would be seen.
    block.writeUInt32BE(sent, 0);
    const chunk = Buffer.from(block.subarray(0, Math.min(block.length, bytes - sent)));
    sent += chunk.length;
    up.update(chunk);
    if (!socket.write(chunk)) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
  }
  await all;
  socket.destroy();
  return received === bytes && up.digest("hex") === down.digest("hex");
}

/** Reads without end; how it ended, and when. */
async function download(port: number) {
  const socket = await connect(port);
  let bytes = 0;
  socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
  const ended = new Promise<{ readonly how: string; readonly atMs: number }>((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve({ how: error.code ?? "", atMs: performance.now() }));
    socket.on("end", () => resolve({ how: "end", atMs: performance.now() }));
  });
  return { socket, ended, bytes: () => bytes };
}

describe.skipIf(testbedKubeconfig === undefined)(
  "transfers through local ports to a real cluster (needs TESTBED_KUBECONFIG)",
  () => {
    const access = accessWith({ KUBECONFIG: testbedKubeconfig ?? "", PATH: process.env["PATH"] ?? "" });
    let namespace: TestNamespace;
    let adapter: KubernetesAdapter;

    beforeAll(async () => {
      namespace = await TestNamespace.create("transfers");
      adapter = createKubernetes(realClock);
      await namespace.apply(deployment("web"), {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "bulk" },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: "zeros",
              image: "docker.io/library/busybox:1.36",
              imagePullPolicy: "IfNotPresent",
              command: ["nc", "-ll", "-p", "9001", "-e", "cat", "/dev/zero"],
            },
            {
              // Of a pace that fifty of them leave the machine some room.
              name: "paced",
              image: "docker.io/library/busybox:1.36",
              imagePullPolicy: "IfNotPresent",
              command: [
                "nc",
                "-ll",
                "-p",
                "9002",
                "-e",
                "sh",
                "-c",
                "while head -c 65536 /dev/zero; do sleep 0.1; done",
              ],
            },
            {
              // Answers with the first byte, reads a megabyte, and closes with the rest unread.
              name: "breaks-off",
              image: "docker.io/library/busybox:1.36",
              imagePullPolicy: "IfNotPresent",
              command: ["nc", "-ll", "-p", "9003", "-e", "sh", "-c", "head -c 1; head -c 1000000 >/dev/null"],
            },
            {
              name: "iperf",
              image: "testbed.local/services:1",
              imagePullPolicy: "IfNotPresent",
              args: ["iperf3"],
            },
          ],
        },
      });
      await namespace.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=60s");
      await namespace.kubectl("wait", "--for=condition=Ready", "pod/bulk", "--timeout=60s");
    }, 120_000);
    afterAll(async () => {
      await adapter.driver.close();
      await namespace[Symbol.asyncDispose]();
    });

    const open = (name: string, type: string, port: number | string): Promise<Transport> =>
      adapter.driver.open(
        kubernetesService({ namespace: namespace.name, resource_name: name, resource_type: type }, port),
        { signal: within(20_000), access },
      );

    test("[wire-transfers] 100 MB each way at once, through one connection and through 32", async () => {
      const transport = await open("web", "deployment", "echo");
      await using forward = await forwardLocally(transport);
      expect(await echoed(forward.port, 100 * megabyte)).toBe(true);
      // A few milliseconds apart: the echo's queue of connections is short, and one that found it full is reset by the pod.
      const many = Array.from({ length: 32 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, 15 * index));
        return echoed(forward.port, Math.ceil((100 * megabyte) / 32));
      });
      expect(await Promise.all(many)).toEqual(many.map(() => true));
      transport.destroy();
    }, 120_000);

    test("[wire-transfers] a request, then the end of input, then the whole answer", async () => {
      const transport = await open("web", "deployment", "http");
      await using forward = await forwardLocally(transport);
      const socket = await connect(forward.port);
      socket.end("GET /shell?cmd=sleep%202%26%26echo%20late HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      let text = "";
      for await (const chunk of socket) text += String(chunk);
      expect(text).toContain("late");
      transport.destroy();
    }, 60_000);

    test("[wire-reset] a client that resets leaves all others alone", async () => {
      const transport = await open("bulk", "pod", 9001);
      const iperf = await open("bulk", "pod", 5201);
      await using forward = await forwardLocally(transport);
      await using iperfForward = await forwardLocally(iperf);
      const downloads = await Promise.all(Array.from({ length: 4 }, () => download(forward.port)));
      await vi.waitFor(() => expect(downloads.every(({ bytes }) => bytes() > 0)).toBe(true), 20_000);
      const [reset, ...others] = downloads;
      reset?.socket.resetAndDestroy();
      // It resets its connections at its end, which is what ends kubectl.
      for (const direction of [[], ["-R"]]) {
        const { stdout } = await run("iperf3", [
          "-c",
          "127.0.0.1",
          "-p",
          String(iperfForward.port),
          "-t",
          "1",
          ...direction,
          "-J",
        ]);
        expect(
          (JSON.parse(stdout) as { end: { sum_received: { bytes: number } } }).end.sum_received.bytes,
        ).toBeGreaterThan(0);
      }
      const before = others.map(({ bytes }) => bytes());
      await vi.waitFor(
        () =>
          expect(others.every(({ bytes, socket }, at) => !socket.destroyed && bytes() > (before[at] ?? 0))).toBe(true),
        20_000,
      );
      for (const { socket } of others) socket.destroy();
      transport.destroy();
      iperf.destroy();
    }, 60_000);

    test("[wire-left] uploads that the target breaks off leave nothing behind for the next connection", async () => {
      const transport = await open("bulk", "pod", 9003);
      await using forward = await forwardLocally(transport);
      for (let round = 0; round < 12; round++) {
        const socket = await connect(forward.port);
        const broken = new Promise((resolve) => socket.once("close", resolve));
        const block = Buffer.alloc(65_536);
        const more = (): void => {
          while (!socket.destroyed && socket.write(block));
        };
        socket.on("drain", more);
        more();
        await broken;
        // As many as a wedged worker of the server would not answer: each fifth stream.
        for (let asked = 0; asked < 3; asked++) {
          const next = await connect(forward.port);
          const answer = once(next, "data", { signal: within(5000) });
          next.write("x".repeat(10));
          expect(String((await answer)[0])).toBe("x");
          next.destroy();
        }
      }
      transport.destroy();
    }, 60_000);

    test("[wire-many] a thousand connections open at once are all served", async () => {
      const transport = await open("web", "deployment", "http");
      await using forward = await forwardLocally(transport);
      const ask = async (index: number): Promise<net.Socket> => {
        const socket = await connect(forward.port);
        const answer = once(socket, "data", { signal: within(90_000) });
        socket.write(`GET /echo?msg=number-${index}-end HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        expect(String((await answer)[0])).toContain(`number-${index}-end`);
        return socket;
      };
      const sockets = await Promise.all(Array.from({ length: 1000 }, (_, index) => ask(index)));
      expect(forward.refusals).toEqual([]);
      expect(Number(transport.facts()["tunnels"])).toBeLessThanOrEqual(64);
      for (const socket of sockets) socket.destroy();
      transport.destroy();
    }, 120_000);

    test("[wire-pod-killed] 50 open transfers are reset when their pod is killed", async () => {
      const transport = await open("bulk", "pod", 9002);
      await using forward = await forwardLocally(transport);
      // One after the other: busybox's nc holds one connection in its queue, and the kernel drops the others for seconds.
      const downloads: Awaited<ReturnType<typeof download>>[] = [];
      while (downloads.length < 50) {
        const next = await download(forward.port);
        downloads.push(next);
        await vi.waitFor(() => expect(next.bytes()).toBeGreaterThan(0), { timeout: 10_000, interval: 10 });
      }
      const killed = namespace.kubectl("delete", "pod", "bulk", "--force", "--grace-period=0", "--wait=false");
      const endings = await Promise.all(downloads.map(({ ended }) => ended));
      await killed;
      expect(endings.map(({ how }) => how)).toEqual(downloads.map(() => "ECONNRESET"));
      const times = endings.map(({ atMs }) => atMs).toSorted((a, b) => a - b);
      // All of them together: the limit of one second is measured by bench/port-forward.
      expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThan(5000);
      expect((await transport.closed)?.code).toBe("pod_gone");
    }, 60_000);
  },
);
