import { ConnectivityError } from "../connectivity-error.ts";
import type { ServiceSpec } from "../spec/service.ts";
import type { RawMap } from "./raw-configuration.ts";

const kubernetes =
  /^([^/]+)\/([^/]+)\/(service|pod|deployment|statefulset|replicaset|daemonset|job)\/([^/:]+):([^/:]+)$/;
const ssh = /^ssh[/ ]([^/\s]+)(?:\/|\s*→\s*)(\[[^\]]+\]|[^/:\s]+):(\d+)$/;

/**
 * A target as `discover_targets` names it (`staging/data/service/redis:6379`, `ssh/bastion/cache.internal:6379`) as the
 * keys of a service.
 * @throws ConnectivityError `invalid_arguments`
 */
export function targetKeys(target: string): RawMap {
  const cluster = kubernetes.exec(target);
  if (cluster) {
    const [, context = "", namespace = "", type = "", name = "", port = ""] = cluster;
    const connection = { context, namespace, ...(type !== "service" && { resource_type: type }), resource_name: name };
    return { technology: "kubernetes", remote_port: /^\d+$/.test(port) ? Number(port) : port, connection };
  }
  const tunnel = ssh.exec(target);
  if (tunnel) {
    const [, host = "", remote = "", port = ""] = tunnel;
    return { technology: "ssh", remote_port: Number(port), connection: { host, remote_host: remote } };
  }
  throw new ConnectivityError(
    "invalid_arguments",
    "a target reads CONTEXT/NAMESPACE/service/NAME:PORT or ssh/HOST/REMOTE_HOST:PORT, as discover_targets names it",
    { target: target.slice(0, 200) },
  );
}

/** Where a service leads, in the same words. */
export function targetOf(spec: ServiceSpec): string {
  if (spec.technology === "ssh") {
    return `ssh/${spec.connection.host}/${spec.connection.remoteHost}:${spec.remotePort}`;
  }
  const { context, namespace, resourceType, resourceName } = spec.connection;
  return `${context ?? "(current context)"}/${namespace}/${resourceType}/${resourceName}:${spec.remotePort}`;
}
