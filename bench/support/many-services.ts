import { execFileSync } from "node:child_process";

const env = process.env;
const { TB_BASTION_PORT, TB_SSH_PORT, TB_SSH_CLIENT_DIR, TB_REDIS_PORT, TB_PG_PORT, TB_MYSQL_PORT, TB_UP1_PORT } = env;

/** Whether the testbed's cluster and servers are set up. */
export const haveTestbed = TB_SSH_CLIENT_DIR !== undefined && env["TESTBED_KUBECONFIG"] !== undefined;

const [kubectlProgram = "kubectl", ...kubectlFirst] = env["TESTBED_KUBECTL"]?.split(" ") ?? [];
const kubectl = (args: readonly string[], input?: string): string =>
  execFileSync(kubectlProgram, [...kubectlFirst, ...args], {
    encoding: "utf8",
    stdio: ["pipe", "pipe", "inherit"],
    ...(input !== undefined && { input }),
  });

const workloads = 6;
const namespace = `pw-environment-${process.pid}`;
const image = "registry.k8s.io/e2e-test-images/agnhost:2.53";
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** So many services of the cluster, over six deployments, in a namespace of their own that disappears at the end. */
export function makeClusterServices(count: number): Disposable {
  kubectl(["create", "namespace", namespace]);
  const deployments = numbers(workloads).map((n) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `web${n}`, namespace },
    spec: {
      selector: { matchLabels: { app: `web${n}` } },
      template: {
        metadata: { labels: { app: `web${n}` } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "web", image, imagePullPolicy: "IfNotPresent", args: ["netexec", "--http-port=8080"] }],
        },
      },
    },
  }));
  const services = numbers(count).map((n) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `kube${n}`, namespace },
    spec: { selector: { app: `web${((n - 1) % workloads) + 1}` }, ports: [{ port: 80, targetPort: 8080 }] },
  }));
  kubectl(
    ["apply", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items: [...deployments, ...services] }),
  );
  for (const n of numbers(workloads))
    kubectl(["rollout", "status", `deployment/web${n}`, "-n", namespace, "--timeout=90s"]);
  return { [Symbol.dispose]: () => void kubectl(["delete", "namespace", namespace, "--wait=false"]) };
}

const kubernetesService = (n: number): string => `  - name: kube${n}
    technology: kubernetes
    remote_port: 80
    connection: {namespace: ${namespace}, resource_name: kube${n}}
    health_check: {type: http, config: {path: /healthz}}
`;

const ssh = (
  name: string,
  sshPort: string | undefined,
  port: string | undefined,
  check: string,
): string => `  - name: ${name}
    technology: ssh
    remote_port: ${port ?? 1}
    connection: {host: 127.0.0.1, port: ${sshPort ?? 22}, user: tbuser, key_file: "${TB_SSH_CLIENT_DIR}/id_plain", known_hosts_file: "${TB_SSH_CLIENT_DIR}/known_hosts", remote_host: 127.0.0.1}
    health_check: ${check}
`;

/** Servers of this machine, each by a check in its own protocol. */
const locals: readonly (readonly [port: string | undefined, check: string])[] = [
  [TB_PG_PORT, "{type: postgres, config: {user: tb, database: tb}}"],
  [TB_MYSQL_PORT, "{type: mysql, config: {user: tb}}"],
  [TB_UP1_PORT, "{type: http}"],
  [TB_REDIS_PORT, "{type: redis}"],
  [TB_SSH_PORT, "{type: ssh}"],
];

/** Of a hundred services 60 of the cluster, 30 over the bastion and 10 of this machine over the other sshd; checks every 10 s. */
export function environmentYaml(count: { kubernetes: number; ssh: number; local: number }): string {
  const services = [
    ...numbers(count.kubernetes).map(kubernetesService),
    ...numbers(count.ssh).map((n) => ssh(`ssh${n}`, TB_BASTION_PORT, TB_REDIS_PORT, "{type: redis}")),
    ...numbers(count.local).map((n) => {
      const [port, check] = locals[(n - 1) % locals.length] ?? [undefined, "{type: tcp}"];
      return ssh(`local${n}`, TB_SSH_PORT, port, check);
    }),
  ];
  return `version: "1.0"\ndefaults: {health_check: {interval: 10s}}\nservices:\n${services.join("")}`;
}
