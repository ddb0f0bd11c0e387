import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import { isAllowed } from "./api/access-review.ts";
import type { ClusterApi } from "./api/cluster-api.ts";
import type { TunnelProtocol } from "./wire/tunnel-protocol.ts";

/**
 * Asks, before any client connects, whether the user may forward in a namespace. The WebSocket form is a `get`, the SPDY
 * form a `create` on `pods/portforward`; one of the two is enough.
 * @returns the protocol to try first
 * @throws ConnectivityError `permission_denied` (facts: verb, resource, namespace); the signal's reason
 */
export async function forwardPermission(
  api: ClusterApi,
  namespace: string,
  access: Access,
  signal: AbortSignal,
): Promise<TunnelProtocol> {
  const ask = (verb: string): Promise<boolean> =>
    isAllowed(api, { verb, resource: "pods", subresource: "portforward", namespace }, access, signal);
  const [get, create] = await Promise.all([ask("get"), ask("create")]);
  if (!get && !create) {
    throw new ConnectivityError("permission_denied", `this user may not forward to pods in namespace ${namespace}`, {
      verb: "create",
      resource: "pods/portforward",
      namespace,
      context: api.context.name,
      user: api.context.userName,
    });
  }
  return get ? "websocket" : "spdy";
}
