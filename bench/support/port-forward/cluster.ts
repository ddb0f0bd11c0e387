import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** What the sink takes before it says so. */
export const sinkBytes = 4577 * 65_536;

/** What listens in the pod: HTTP, iperf3, an echo, bytes without end, and a sink that answers when it has read its fill. */
export const remotePorts = { http: 8080, iperf: 5201, echo: 9000, zeros: 9001, sink: 9002 } as const;
export type RemotePort = keyof typeof remotePorts;

export interface BenchPod {
  readonly namespace: string;
  readonly name: string;
}

/** The testbed's kubectl, of the cluster's version. */
export function kubectlCommand(kubeconfig?: string): readonly [string, ...string[]] {
  const [program = "kubectl", ...first] = process.env["TESTBED_KUBECTL"]?.split(" ") ?? [];
  return [program, ...first, ...(kubeconfig === undefined ? [] : ["--kubeconfig", kubeconfig])];
}

const kubectl = (...args: string[]): string => {
  const [program, ...first] = kubectlCommand();
  return execFileSync(program, [...first, ...args], { encoding: "utf8" });
};

const busybox = "docker.io/library/busybox:1.36";
const container = (name: string, image: string, keys: object): object => ({
  name,
  image,
  imagePullPolicy: "IfNotPresent",
  ...keys,
});

/** The pod in a namespace of its own, gone afterwards. */
export async function makePod(): Promise<BenchPod & Disposable> {
  const namespace = `pw-forward-${process.pid}-${Date.now().toString(36)}`;
  kubectl("create", "namespace", namespace);
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "target", namespace },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        container("web", "registry.k8s.io/e2e-test-images/agnhost:2.53", { args: ["netexec", "--http-port=8080"] }),
        container("iperf", "testbed.local/services:1", { args: ["iperf3"] }),
        container("echo", busybox, { command: ["nc", "-ll", "-p", "9000", "-e", "cat"] }),
        container("sink", busybox, {
          command: [
            "nc",
            "-ll",
            "-p",
            "9002",
            "-e",
            "sh",
            "-c",
            "dd of=/dev/null bs=65536 count=4577 iflag=fullblock 2>/dev/null; echo done",
          ],
        }),
        container("zeros", busybox, { command: ["nc", "-ll", "-p", "9001", "-e", "cat", "/dev/zero"] }),
      ],
    },
  };
  const [program, ...first] = kubectlCommand();
  const apply = spawn(program, [...first, "apply", "-f", "-"], { stdio: ["pipe", "ignore", "inherit"] });
  apply.stdin.end(JSON.stringify(pod));
  await once(apply, "exit");
  kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/target", "--timeout=60s");
  return {
    namespace,
    name: "target",
    [Symbol.dispose]: () => void kubectl("delete", "namespace", namespace, "--wait=false"),
  };
}

/** Deletes a pod at once. @returns the epoch millisecond at which the API server had done it */
export function killPod({ namespace, name }: BenchPod): number {
  kubectl("delete", "pod", name, "-n", namespace, "--force", "--grace-period=0", "--wait=false");
  return Date.now();
}

/** The testbed's kubeconfig with another port of this machine in place of the API server's. */
export function kubeconfigThrough(port: number, folder: string): { readonly file: string; readonly apiPort: number } {
  const text = kubectl("config", "view", "--raw", "--flatten", "-o", "json");
  const config = JSON.parse(text) as { clusters: { cluster: { server: string } }[] };
  let apiPort = 443;
  for (const { cluster } of config.clusters) {
    const url = new URL(cluster.server);
    apiPort = Number(url.port);
    url.port = String(port);
    cluster.server = url.href;
  }
  const file = join(folder, "kubeconfig");
  writeFileSync(file, JSON.stringify(config));
  return { file, apiPort };
}
