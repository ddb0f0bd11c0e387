import { agnhost, deployment, service } from "../../support/cluster.ts";
import { testbed } from "../../support/testbed.ts";
import { ready } from "./fault.ts";
import type { Stage } from "./stage.ts";

/** Lines of services as a user writes them. */

export const httpCheck = (path = "/healthz", more = ""): string =>
  `{type: http, timeout: 2s, config: {path: "${path}"${more}}}`;

interface Kube {
  readonly name?: string;
  readonly resource?: string;
  readonly type?: string;
  readonly port?: number | string;
  readonly namespace?: string;
  readonly check?: string;
  readonly context?: string;
  readonly more?: string;
}

/** A service of the cluster: the fault's own unless said. */
export function kube(stage: Stage, options: Kube = {}): string {
  const {
    name = "it",
    resource = stage.name,
    type = "service",
    port = 80,
    namespace = stage.namespace,
    check = httpCheck(),
  } = options;
  const context = options.context === undefined ? "" : `, context: ${options.context}`;
  return `{name: ${name}, technology: kubernetes, remote_port: ${port}, connection: {namespace: ${namespace}, resource_type: ${type}, resource_name: ${resource}${context}}, health_check: ${check}${more(options.more)}}`;
}

interface Login {
  readonly name?: string;
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly key?: string;
  readonly knownHosts?: string;
  readonly target?: number;
  readonly targetHost?: string;
  readonly check?: string;
  readonly connection?: string;
  readonly more?: string;
}

const clientDir = testbed.ssh?.clientDir ?? "";

/** A service behind the testbed's bastion, its Redis unless said. */
export function ssh(options: Login = {}): string {
  const {
    name = "it",
    host = "127.0.0.1",
    port = testbed.ssh?.bastionPort ?? 0,
    user = "tbuser",
    key = `${clientDir}/id_plain`,
    knownHosts = `${clientDir}/known_hosts`,
    target = testbed.redisPort,
    targetHost = "127.0.0.1",
    check = "{type: redis, timeout: 2s}",
  } = options;
  const connection = options.connection === undefined ? "" : `, ${options.connection}`;
  return `{name: ${name}, technology: ssh, remote_port: ${target}, connection: {host: "${host}", port: ${port}, user: ${user}, key_file: "${key}", known_hosts_file: "${knownHosts}", remote_host: "${targetHost}"${connection}}, health_check: ${check}${more(options.more)}}`;
}

const more = (text: string | undefined): string => (text === undefined ? "" : `, ${text}`);

export const postgresCheck = (config: string): string => `{type: postgres, timeout: 3s, config: ${config}}`;

export const kubeconfigOf = async (stage: Stage, cluster: object, user: object): Promise<void> => {
  stage.notes["kubeconfig"] = await stage.kubeconfig(cluster, user);
};
/** The kubeconfig that the set-up wrote. */
export const ownKubeconfig = (stage: Stage): Record<string, string> => ({
  KUBECONFIG: String(stage.notes["kubeconfig"]),
});

/** A service account of the fault's own with these rights in its namespace. */
export const account = (
  { name, namespace }: Stage,
  rights: readonly (readonly [resources: string, verbs: string])[],
): readonly object[] => {
  const group = "rbac.authorization.k8s.io";
  const metadata = { name, namespace };
  const rules = rights.map(([resources, verbs]) => ({
    apiGroups: [""],
    resources: resources.split(" "),
    verbs: verbs.split(" "),
  }));
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion: `${group}/v1`, kind: "Role", metadata, rules },
    {
      apiVersion: `${group}/v1`,
      kind: "RoleBinding",
      metadata,
      subjects: [{ kind: "ServiceAccount", ...metadata }],
      roleRef: { apiGroup: group, kind: "Role", name },
    },
  ];
};

/** A kubeconfig of that account. */
const asAccount = async (stage: Stage): Promise<void> => {
  const token = (await stage.kubectl("create", "token", stage.name)).trim();
  await kubeconfigOf(stage, stage.cluster.cluster, { token });
};

/** A web server behind a service, used by an account that has these rights only. */
export const webAsUserWith = (rights: Parameters<typeof account>[1]) => ({
  manifests: (stage: Stage): readonly object[] => [
    ...account(stage, rights),
    deployment(stage.namespace, stage.name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(stage.namespace, stage.name, 80, 8080),
  ],
  until: ready(1),
  setUp: asAccount,
  services: (stage: Stage): string => kube(stage),
  env: ownKubeconfig,
});
