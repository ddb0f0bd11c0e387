/** Addresses of the testbed, from the variables that `testbed env` prints; absent where it is not set up. */
export const testbed = {
  ssh: process.env["TB_SSH_CLIENT_DIR"]
    ? {
        bastionPort: Number(process.env["TB_BASTION_PORT"]),
        targetPort: Number(process.env["TB_SSH_PORT"]),
        clientDir: process.env["TB_SSH_CLIENT_DIR"],
        user: "tbuser",
        password: "tb-password",
      }
    : undefined,
  redisPort: Number(process.env["TB_REDIS_PORT"] ?? 0),
  postgresPort: Number(process.env["TB_PG_PORT"] ?? 0),
  kubeconfig: process.env["TESTBED_KUBECONFIG"],
  kubectl: process.env["TESTBED_KUBECTL"]?.split(" "),
} as const;

/** Stands in a title of what is skipped. */
export const needsSsh = "(needs the testbed's sshd: TB_SSH_CLIENT_DIR is not set)";
export const needsCluster = "(needs the testbed's cluster: TESTBED_KUBECONFIG is not set)";

/** A service to the testbed's Redis behind its bastion, as a person would write it. */
export function redisBehindBastion(keys = ""): string {
  return `version: "1.0"
services:
  - name: cache
    technology: ssh
    remote_port: ${testbed.redisPort}
    connection:
      host: 127.0.0.1
      port: ${testbed.ssh?.bastionPort}
      user: ${testbed.ssh?.user}
      key_file: ${testbed.ssh?.clientDir}/id_plain
      known_hosts_file: ${testbed.ssh?.clientDir}/known_hosts
      remote_host: 127.0.0.1
    health_check: {type: redis, interval: 1s, timeout: 2s}
    exports: {REDIS_URL: "redis://\${host}:\${port}"}
${keys}
environments:
  - {name: dev, services: [cache], default: true}
`;
}
