import { isSocketPath } from "../spec/local-end.ts";
import type { ServiceSpec } from "../spec/service.ts";
import { sameValue } from "./raw-configuration.ts";

/** What only the SSH server itself means: seen from another server it is another target. */
const loopback = /^(localhost|127\.[\d.]+|::1)$/i;

/** Where a service leads, without the way there. */
function targetOf(service: ServiceSpec): unknown {
  const { technology, remotePort, connection } = service;
  if (technology !== "ssh") return [technology, remotePort, connection];
  const { direction, remoteHost, remoteSocket, host, port } = connection;
  const seenFromServer = remoteSocket !== undefined || direction === "dynamic" || loopback.test(remoteHost);
  return [technology, remotePort, direction, remoteHost, remoteSocket, ...(seenFromServer ? [host, port] : [])];
}

/**
 * Whether both declarations have the same local end and lead to the same target, so that connections of the old one may
 * go on beside the new one. A remote forward holds its port at the server: of that there can be one only.
 */
export function sameTarget(before: ServiceSpec, after: ServiceSpec): boolean {
  if (after.technology === "ssh" && after.connection.direction === "remote") return false;
  if (before.listen !== after.listen) return false;
  if (!isSocketPath(after.listen) && before.localPort !== after.localPort) return false;
  return sameValue(targetOf(before), targetOf(after));
}
