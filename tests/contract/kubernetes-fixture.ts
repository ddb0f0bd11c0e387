import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "#application/ports/clock.ts";
import type { ForwardDriver, Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import { createKubernetesDriver } from "#adapters/kubernetes/index.ts";
import { ApiServer } from "../support/api-server.ts";
import { accessWith, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import type { ForwardDriverFixture } from "./forward-driver-contract.ts";

/** A refusal comes as the stream's error, since streams open without waiting: who must know waits for it, as a probe does. */
const refusalMs = 150;

/** Where our end of input cannot be passed on, the target's silence is waited for: a tenth as long here. */
const hastyClock: Clock = { ...realClock, after: (ms, run) => realClock.after(ms / 10, run) };

function withLateRefusals(driver: ForwardDriver): ForwardDriver {
  const connect = async (transport: Transport, signal: AbortSignal): Promise<TunnelStream> => {
    const stream = await transport.connect({ signal });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, refusalMs);
      stream.once("error", (error) => {
        clearTimeout(timer);
        reject(error);
      });
    });
    return stream;
  };
  return {
    technology: driver.technology,
    close: () => driver.close(),
    open: async (service, context) => {
      const transport = await driver.open(service, context);
      return {
        via: transport.via,
        closed: transport.closed,
        facts: () => transport.facts(),
        close: (deadlineMs) => transport.close(deadlineMs),
        destroy: (reason) => transport.destroy(reason),
        connect: ({ signal }) => connect(transport, signal),
      };
    },
  };
}

/** The driver against an API server in this process that offers one protocol. */
export async function kubernetesFixture(protocol: "websocket" | "spdy" | "v4"): Promise<ForwardDriverFixture> {
  const folder = await mkdtemp(join(tmpdir(), "portwright-kube-"));
  const server = await ApiServer.start({ protocols: [protocol] });
  server.putPod("web-0");
  const file = join(folder, "config");
  await writeFile(file, server.kubeconfig());
  const driver = createKubernetesDriver(protocol === "v4" ? hastyClock : realClock);
  return {
    driver: withLateRefusals(driver),
    access: accessWith({ KUBECONFIG: file }, folder),
    serviceFor: (port) => kubernetesService({ resource_type: "pod", resource_name: "web-0" }, port),
    cut: () => server.cut(),
    closedPortCode: "target_port_closed",
    ...(protocol === "v4" && {
      noTargetFirstHalfClose: "v4.channel.k8s.io has no half-close",
      noHalfClose: "v4.channel.k8s.io has no half-close",
    }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}
