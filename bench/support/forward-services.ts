import { execFileSync, spawn } from "node:child_process";

const { TB_BASTION_PORT, TB_REDIS_PORT, TB_SSH_CLIENT_DIR, TESTBED_KUBECONFIG, TESTBED_KUBECTL } = process.env;

/** Whether the servers that are forwarded to are there: an sshd with Redis behind it, and a Kubernetes cluster. */
export const haveTestbed = TB_SSH_CLIENT_DIR !== undefined && TESTBED_KUBECONFIG !== undefined;

/** Its own for each run: deleting the last one takes a while. */
const namespace = `pw-bench-${process.pid}`;
const [kubectlProgram = "kubectl", ...kubectlFirst] = TESTBED_KUBECTL?.split(" ") ?? [];

/** `service/web` on port 80, in a namespace of its own that disappears at the end. */
export function makeClusterService(): Disposable {
  const kubectl = (...args: string[]): void =>
    void execFileSync(kubectlProgram, [...kubectlFirst, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  const image = "registry.k8s.io/e2e-test-images/agnhost:2.53";
  kubectl("create", "namespace", namespace);
  const inNamespace = ["-n", namespace];
  kubectl(
    ...["create", "deployment", "web", ...inNamespace, `--image=${image}`, "--"],
    ...["/agnhost", "netexec", "--http-port=8080"],
  );
  kubectl("expose", "deployment", "web", ...inNamespace, "--port=80", "--target-port=8080");
  kubectl("rollout", "status", "deployment/web", ...inNamespace, "--timeout=60s");
  return { [Symbol.dispose]: () => kubectl("delete", "namespace", namespace, "--wait=false") };
}

/** One `kubectl port-forward` to it, by the kubectl of the PATH, as LocalPort does. */
export const kubectlForward = (): ReturnType<typeof spawn> =>
  spawn("kubectl", ["port-forward", "-n", namespace, "service/web", ":80"], {
    stdio: "ignore",
    env: { ...process.env, KUBECONFIG: TESTBED_KUBECONFIG },
  });

const folder = TB_SSH_CLIENT_DIR ?? "/none";

/** A service as YAML. With a `localPort` both read it, LocalPort and Portwright; `ours` adds the keys of Portwright. */
export interface ServiceText {
  readonly name: string;
  readonly localPort?: number;
  readonly ours: boolean;
}

const head = (
  { name, localPort, ours }: ServiceText,
  technology: string,
  remotePort: number,
): string => `  - name: ${name}
    technology: ${ours || technology === "ssh" ? technology : "kubectl"}
    remote_port: ${remotePort}
${localPort === undefined ? "" : `    local_port: ${localPort}\n`}`;

export const sshService = (service: ServiceText): string => `${head(service, "ssh", Number(TB_REDIS_PORT ?? 6379))}\
    connection: {host: 127.0.0.1, port: ${TB_BASTION_PORT ?? 22}, user: tbuser, key_file: "${folder}/id_plain", \
${service.ours ? `known_hosts_file: "${folder}/known_hosts", ` : ""}remote_host: 127.0.0.1}
    health_check: ${service.ours ? "{type: redis}" : "{type: tcp}"}
`;

export const kubernetesService = (service: ServiceText): string => `${head(service, "kubernetes", 80)}\
    connection: {namespace: ${namespace}, resource_name: web}
    health_check: ${service.ours ? "{type: http, config: {path: /healthz}}" : "{type: tcp}"}
`;

/** The whole file. */
export const configuration = (services: readonly string[]): string =>
  `version: "1.0"\nservices:${services.length === 0 ? " []" : ""}\n${services.join("")}`;
