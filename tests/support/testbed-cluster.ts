import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** Where the testbed's cluster is; `undefined` when it is not running. */
export const testbedKubeconfig = process.env["TESTBED_KUBECONFIG"];
const agnhost = "registry.k8s.io/e2e-test-images/agnhost:2.53";
const busybox = "docker.io/library/busybox:1.36";

const run = promisify(execFile);
const [program = "kubectl", ...leading] = (process.env["TESTBED_KUBECTL"] ?? "kubectl").split(" ");

/** A namespace of the testbed's cluster, gone after the test, with a folder for files beside it. */
export class TestNamespace implements AsyncDisposable {
  readonly name: string;
  readonly folder: string;

  private constructor(name: string, folder: string) {
    this.name = name;
    this.folder = folder;
  }

  static async create(purpose: string): Promise<TestNamespace> {
    const folder = await mkdtemp(join(tmpdir(), "portwright-kube-"));
    const namespace = new TestNamespace(`pw-${purpose}-${process.pid}`, folder);
    await run(program, [...leading, "create", "namespace", namespace.name]);
    return namespace;
  }

  async kubectl(...args: string[]): Promise<string> {
    const { stdout } = await run(program, [...leading, "-n", this.name, ...args]);
    return stdout.trim();
  }

  /** Creates objects, as JSON. */
  async apply(...items: unknown[]): Promise<void> {
    const child = spawn(program, [...leading, "-n", this.name, "apply", "-f", "-"], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    child.stdin.end(JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    await new Promise<void>((resolve, reject) => {
      child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`kubectl apply ended with ${code}`))));
    });
  }

  /** Waits until a service has a ready endpoint: on a busy machine that comes a while after its pod is Ready. */
  async served(service: string): Promise<void> {
    const endpoints = ["get", "endpointslices", "-l", `kubernetes.io/service-name=${service}`, "-o"];
    for (let tries = 0; tries < 150; tries++) {
      const ready = await this.kubectl(...endpoints, "jsonpath={.items[*].endpoints[*].conditions.ready}");
      if (ready.includes("true")) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`service ${service} has no ready endpoint`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(program, [...leading, "delete", "namespace", this.name, "--wait=false"]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** agnhost's web server on 8080 (port name `http`) and an echo on 9000 (`echo`), ready within about two seconds. */
const webPodSpec = {
  terminationGracePeriodSeconds: 3,
  containers: [
    {
      // Goes on listening for a while when it is told to end, as a well-behaved server does in a rollout.
      name: "web",
      image: agnhost,
      imagePullPolicy: "IfNotPresent",
      args: ["netexec", "--http-port=8080", "--udp-port=8081", "--delay-shutdown=2"],
      ports: [{ name: "http", containerPort: 8080 }],
      readinessProbe: { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 1 },
    },
    {
      name: "echo",
      image: busybox,
      imagePullPolicy: "IfNotPresent",
      command: ["nc", "-ll", "-p", "9000", "-e", "cat"],
      ports: [{ name: "echo", containerPort: 9000 }],
    },
  ],
};

export const deployment = (name: string, replicas = 1): unknown => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: webPodSpec },
  },
});

export const service = (name: string, spec: Readonly<Record<string, unknown>>): unknown => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec,
});
