import { agnhost, deployment, postgresDeployment, service } from "../../support/cluster.ts";
import { testbed } from "../../support/testbed.ts";

/** One fault: a service as a user declares it, and what must be named as its root cause. */
export interface Fault {
  readonly name: string;
  /** A code of the catalogue; `undefined`: a healthy scenario, in which nothing may be found. */
  readonly code: string | undefined;
  /** The lines of the service below its name, YAML of two more spaces. */
  readonly service: string;
  /** Variables that the client brings besides KUBECONFIG. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What is put into the namespace: one object of each kind of trouble. */
export function manifests(namespace: string): object[] {
  const netexec = ["netexec", "--http-port=8080"];
  return [
    deployment(namespace, "web", { image: agnhost, args: netexec }),
    service(namespace, "web", 80, 8080),
    service(namespace, "closed", 80, 9999, { selector: { app: "web" } }),
    service(namespace, "unselected", 80, 80, { selector: undefined }),
    service(namespace, "mismatched", 80, 8080, { selector: { app: "webb" } }),
    deployment(namespace, "zero", { image: agnhost, args: netexec, replicas: 0 }),
    service(namespace, "zero", 80, 8080),
    deployment(namespace, "unpullable", { image: "testbed.local/no-such-image:1" }),
    service(namespace, "unpullable", 80),
    deployment(namespace, "crashing", {
      image: agnhost,
      container: { command: ["/bin/sh", "-c", "echo out of luck; exit 3"] },
    }),
    service(namespace, "crashing", 80),
    deployment(namespace, "hungry", {
      image: agnhost,
      container: { command: ["/bin/sh", "-c", "tail /dev/zero"], resources: { limits: { memory: "20Mi" } } },
    }),
    service(namespace, "hungry", 80),
    deployment(namespace, "homeless", { image: agnhost, args: netexec, pod: { nodeSelector: { nowhere: "yes" } } }),
    service(namespace, "homeless", 80),
    deployment(namespace, "unready", {
      image: agnhost,
      args: netexec,
      container: { readinessProbe: { exec: { command: ["/bin/sh", "-c", "exit 1"] }, periodSeconds: 1 } },
    }),
    service(namespace, "unready", 80, 8080),
    deployment(namespace, "misconfigured", {
      image: agnhost,
      args: netexec,
      container: { env: [{ name: "SECRET", valueFrom: { secretKeyRef: { name: "no-such-secret", key: "key" } } }] },
    }),
    service(namespace, "misconfigured", 80),
    deployment(namespace, "initfailing", {
      image: agnhost,
      args: netexec,
      pod: { initContainers: [{ name: "prepare", image: agnhost, command: ["/bin/sh", "-c", "exit 4"] }] },
    }),
    service(namespace, "initfailing", 80),
    postgresDeployment(namespace, "db"),
    service(namespace, "db", 5432),
  ];
}

const http = (path: string): string => `health_check: {type: http, timeout: 2s, config: {path: "${path}"}}`;
const kube = (
  namespace: string,
  resource: string,
  check = http("/healthz"),
  more = "",
): string => `technology: kubernetes
    remote_port: 80
    connection: {namespace: ${namespace}, resource_name: ${resource}${more}}
    ${check}`;

const sshClient = testbed.ssh?.clientDir ?? "";
interface Login {
  readonly host?: string;
  readonly port?: number;
  readonly key?: string;
  readonly more?: string;
  readonly knownHosts?: string;
  readonly target?: number;
  readonly check?: string;
}
const ssh = ({
  host = "127.0.0.1",
  port = testbed.ssh?.bastionPort ?? 0,
  key = `${sshClient}/id_plain`,
  more = "",
  knownHosts = `${sshClient}/known_hosts`,
  target = testbed.redisPort,
  check = "health_check: {type: redis, timeout: 2s}",
}: Login): string => `technology: ssh
    remote_port: ${target}
    connection: {host: "${host}", port: ${port}, user: tbuser, key_file: "${key}", known_hosts_file: "${knownHosts}", remote_host: 127.0.0.1${more}}
    ${check}`;

const postgres = (namespace: string, config: string): string => `technology: kubernetes
    remote_port: 5432
    connection: {namespace: ${namespace}, resource_name: db}
    health_check: {type: postgres, timeout: 3s, config: ${config}}`;

/** Kubeconfigs that are wrong in one way each, by the name of their file in the home folder. */
export function kubeconfigs(good: {
  readonly cluster: object;
  readonly user: object;
}): Readonly<Record<string, object>> {
  const config = (cluster: object, user: object): object => ({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "it",
    contexts: [{ name: "it", context: { cluster: "it", user: "it" } }],
    clusters: [{ name: "it", cluster }],
    users: [{ name: "it", user }],
  });
  const exec = (command: string, args: string[] = []): object => ({
    exec: { apiVersion: "client.authentication.k8s.io/v1", command, args, interactiveMode: "Never" },
  });
  return {
    "stopped-server": config({ ...good.cluster, server: "https://127.0.0.1:9" }, good.user),
    "unknown-ca": config({ server: (good.cluster as { server: string }).server }, good.user),
    "bad-token": config(good.cluster, { token: "not-a-token" }),
    "no-plugin": config(good.cluster, exec("no-such-credential-plugin")),
    "failing-plugin": config(good.cluster, exec("/bin/sh", ["-c", "echo session expired >&2; exit 7"])),
  };
}

/** All faults over one namespace. `home` is where the wrong kubeconfigs lie. */
export function faults(namespace: string, home: string): Fault[] {
  const withConfig = (file: string): { env: Record<string, string> } => ({ env: { KUBECONFIG: `${home}/${file}` } });
  return [
    { name: "web is well", code: undefined, service: kube(namespace, "web") },
    {
      name: "the database is well",
      code: undefined,
      service: postgres(namespace, '{database: app, password: "${env:DB_PASSWORD}"}'),
      env: { DB_PASSWORD: "secret" },
    },
    { name: "Redis behind the bastion is well", code: undefined, service: ssh({}) },
    { name: "no such service", code: "resource_missing", service: kube(namespace, "wep") },
    { name: "no such namespace", code: "namespace_missing", service: kube(`${namespace}-not`, "web") },
    {
      name: "no such context",
      code: "context_missing",
      service: kube(namespace, "web", undefined, ", context: testbet"),
    },
    { name: "scaled to zero", code: "scaled_to_zero", service: kube(namespace, "zero") },
    { name: "image that does not exist", code: "image_pull_failed", service: kube(namespace, "unpullable") },
    { name: "container that ends", code: "container_crashing", service: kube(namespace, "crashing") },
    { name: "container killed for memory", code: "container_oom_killed", service: kube(namespace, "hungry") },
    { name: "no node for the pod", code: "pod_unschedulable", service: kube(namespace, "homeless") },
    { name: "readiness probe fails", code: "pod_not_ready", service: kube(namespace, "unready") },
    {
      name: "secret of the container is missing",
      code: "container_config_error",
      service: kube(namespace, "misconfigured"),
    },
    { name: "init container fails", code: "init_container_failing", service: kube(namespace, "initfailing") },
    { name: "selector matches no pod", code: "no_matching_pods", service: kube(namespace, "mismatched") },
    { name: "service without selector", code: "service_without_selector", service: kube(namespace, "unselected") },
    {
      name: "port that the service does not have",
      code: "target_port_missing",
      service: kube(namespace, "web").replace("remote_port: 80", "remote_port: metrics"),
    },
    { name: "nothing listens in the pod", code: "target_port_closed", service: kube(namespace, "closed") },
    {
      name: "may not port-forward",
      code: "permission_denied",
      service: kube(namespace, "web", undefined, ", context: testbed-viewer"),
    },
    { name: "no kubeconfig", code: "kubeconfig_missing", service: kube(namespace, "web"), ...withConfig("nowhere") },
    {
      name: "API server is not there",
      code: "cluster_unreachable",
      service: kube(namespace, "web"),
      ...withConfig("stopped-server"),
    },
    {
      name: "certificate of another authority",
      code: "cluster_tls_untrusted",
      service: kube(namespace, "web"),
      ...withConfig("unknown-ca"),
    },
    {
      name: "token that the cluster does not know",
      code: "credentials_rejected",
      service: kube(namespace, "web"),
      ...withConfig("bad-token"),
    },
    {
      name: "credential plugin is not installed",
      code: "credential_plugin_missing",
      service: kube(namespace, "web"),
      ...withConfig("no-plugin"),
    },
    {
      name: "credential plugin fails",
      code: "credential_plugin_failed",
      service: kube(namespace, "web"),
      ...withConfig("failing-plugin"),
    },
    {
      name: "path of the check does not exist",
      code: "check_path_missing",
      service: kube(namespace, "web", http("/redirect?code=404&location=/")),
    },
    {
      name: "the application answers 500",
      code: "application_unhealthy",
      service: kube(namespace, "web", http("/redirect?code=500&location=/")),
    },
    {
      name: "another protocol",
      code: "protocol_mismatch",
      service: kube(namespace, "web", "health_check: {type: redis, timeout: 2s}"),
    },
    {
      name: "wrong database password",
      code: "application_auth_failed",
      service: postgres(namespace, '{database: app, password: "${env:DB_PASSWORD}"}'),
      env: { DB_PASSWORD: "wrong" },
    },
    {
      name: "no such database",
      code: "database_missing",
      service: postgres(namespace, '{database: nope, password: "${env:DB_PASSWORD}"}'),
      env: { DB_PASSWORD: "secret" },
    },
    {
      name: "variable that nobody has",
      code: "variable_missing",
      service: postgres(namespace, '{database: app, password: "${env:NOBODY_HAS_THIS}"}'),
    },
    {
      name: "host that does not resolve",
      code: "host_unresolved",
      service: ssh({ host: `${"a".repeat(64)}.invalid` }),
    },
    { name: "host that does not listen", code: "host_unreachable", service: ssh({ port: 9 }) },
    { name: "host key that is not known", code: "host_key_unknown", service: ssh({ knownHosts: "/dev/null" }) },
    {
      name: "host key that changed",
      code: "host_key_changed",
      service: ssh({ knownHosts: `${sshClient}/known_hosts_wrong` }),
    },
    { name: "key file that is not there", code: "ssh_key_missing", service: ssh({ key: `${sshClient}/id_nowhere` }) },
    {
      name: "key that is encrypted",
      code: "ssh_key_passphrase_required",
      service: ssh({ key: `${sshClient}/id_enc` }),
    },
    {
      name: "key that the server does not take",
      code: "ssh_authentication_failed",
      service: ssh({ key: `${sshClient}/id_stranger` }),
    },
    { name: "nothing listens behind the bastion", code: "target_unreachable", service: ssh({ target: 9 }) },
    {
      name: "HTTP where Redis is expected",
      code: "protocol_mismatch",
      service: ssh({ target: Number(process.env["TB_UP1_PORT"] ?? 0) }),
    },
  ];
}
