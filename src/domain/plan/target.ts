import { ConnectivityError } from "../connectivity-error.ts";
import { adHocDeclaration } from "../discovery/ad-hoc-service.ts";
import { parseHandle } from "../discovery/handle.ts";
import { guessProtocol } from "../discovery/protocols.ts";
import type { ServiceSpec } from "../spec/service.ts";
import type { RawMap } from "./raw-configuration.ts";

/**
 * A target as `discover_targets` names it (`staging/data/service/redis:6379`, `ssh/bastion:6379`) as keys of a service,
 * with the check that fits it.
 * @throws ConnectivityError `invalid_arguments`
 */
export function targetKeys(target: string): RawMap {
  const handle = parseHandle(target.trim());
  if ((handle?.kind === "kubernetes" || handle?.kind === "ssh") && handle.port !== undefined) {
    const { port } = handle;
    const words = handle.kind === "kubernetes" ? [handle.resourceName] : [];
    const protocol = guessProtocol(typeof port === "number" ? { port, words } : { portName: port, words });
    const {
      name: _name,
      local_port: _port,
      exports: _exports,
      ...keys
    } = adHocDeclaration("x", handle, port, 0, protocol);
    return keys as RawMap;
  }
  throw new ConnectivityError(
    "invalid_arguments",
    "a target reads CONTEXT/NAMESPACE/service/NAME:PORT or ssh/HOST:PORT, as discover_targets names it",
    { target: target.slice(0, 200) },
  );
}

/** Where a service leads, in the same words. */
export function targetOf(spec: ServiceSpec): string {
  if (spec.technology === "ssh") {
    const { host, remoteHost } = spec.connection;
    return `ssh/${host}${remoteHost === "localhost" ? "" : `/${remoteHost}`}:${spec.remotePort}`;
  }
  const { context, namespace, resourceType, resourceName } = spec.connection;
  return `${context ?? "(current context)"}/${namespace}/${resourceType}/${resourceName}:${spec.remotePort}`;
}
