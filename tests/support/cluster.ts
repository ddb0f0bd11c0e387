import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { testbed } from "./testbed.ts";

const run = promisify(execFile);
export const agnhost = "registry.k8s.io/e2e-test-images/agnhost:2.53";
const servicesImage = "testbed.local/services:1";

/** Runs the testbed's kubectl as its administrator. @throws what kubectl said */
export async function kubectl(...args: string[]): Promise<string> {
  const [program, ...first] = testbed.kubectl ?? ["kubectl"];
  const { stdout } = await run(program ?? "kubectl", [...first, ...args], { maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

/** Applies manifests (JSON objects) to the cluster. */
export async function apply(...objects: object[]): Promise<void> {
  const [program, ...first] = testbed.kubectl ?? ["kubectl"];
  const child = spawn(program ?? "kubectl", [...first, "apply", "-f", "-"], { stdio: ["pipe", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end(JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
  const [code] = (await once(child, "close")) as [number];
  if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
}

/** A namespace of this test process alone; its deletion is not waited for. */
export async function makeNamespace(prefix: string): Promise<{ readonly name: string } & AsyncDisposable> {
  const name = `${prefix}-${process.pid}-${Math.random().toString(36).slice(2, 7)}`;
  await kubectl("create", "namespace", name);
  return {
    name,
    async [Symbol.asyncDispose]() {
      await kubectl("delete", "namespace", name, "--wait=false", "--force", "--grace-period=0").catch(() => undefined);
    },
  };
}

interface Workload {
  readonly image?: string;
  readonly args?: readonly string[];
  readonly replicas?: number;
  /** Further keys of the container. */
  readonly container?: object;
  /** Further keys of the pod's spec. */
  readonly pod?: object;
}

/** A deployment whose pods carry `app: NAME`. */
export const deployment = (
  namespace: string,
  name: string,
  { image = agnhost, args, replicas = 1, container = {}, pod = {} }: Workload,
): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: "main", image, imagePullPolicy: "IfNotPresent", ...(args && { args }), ...container }],
        ...pod,
      },
    },
  },
});

/** A service of one port over the pods of `app: NAME`. */
export const service = (
  namespace: string,
  name: string,
  port: number,
  targetPort: number | string = port,
  keys: object = {},
): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: { selector: { app: name }, ports: [{ name: "main", port, targetPort }], ...keys },
});

/** Waits until a deployment's pods are ready. */
export const rolledOut = (namespace: string, name: string): Promise<string> =>
  kubectl("rollout", "status", `deployment/${name}`, "-n", namespace, "--timeout=60s");

/** A PostgreSQL (user postgres, password secret, database app) that is ready when its final server answers. */
export const postgresDeployment = (namespace: string, name: string): object =>
  deployment(namespace, name, {
    image: servicesImage,
    args: ["postgres"],
    container: {
      env: [
        { name: "POSTGRES_PASSWORD", value: "secret" },
        { name: "POSTGRES_DB", value: "app" },
      ],
      readinessProbe: {
        exec: { command: ["/bin/sh", "-c", "PGPASSWORD=secret psql -h 127.0.0.1 -U postgres -d app -c 'select 1'"] },
        periodSeconds: 1,
        timeoutSeconds: 10,
        successThreshold: 3,
      },
    },
  });
