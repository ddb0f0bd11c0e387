import { createHash, randomBytes } from "node:crypto";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { RawLink, WebSocketLink, type ByteLink } from "./byte-link.ts";
import { Tunnel } from "./tunnel.ts";

export type TunnelProtocol = "websocket" | "spdy";

export interface TunnelDial {
  readonly api: ClusterApi;
  readonly namespace: string;
  readonly pod: string;
  readonly access: Access;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The one to try first; the other follows when the server does not know it. */
  readonly prefer?: TunnelProtocol;
}

const subprotocol = "SPDY/3.1+portforward.k8s.io";
/** RFC 6455, section 1.3. */
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Opens a tunnel to a pod: SPDY/3.1 in a WebSocket (Kubernetes 1.31 and newer), else by the older SPDY upgrade, which is
 * also what a role with only `create` on `pods/portforward` allows on servers before 1.35.
 * @throws ConnectivityError `pod_gone`, `permission_denied`, `forward_refused`, `cluster_unreachable`, …; the signal's reason
 */
export async function dialTunnel(dial: TunnelDial): Promise<Tunnel> {
  const order: readonly TunnelProtocol[] = dial.prefer === "spdy" ? ["spdy", "websocket"] : ["websocket", "spdy"];
  let first: unknown;
  for (const protocol of order) {
    try {
      return new Tunnel(await (protocol === "websocket" ? overWebSocket(dial) : overSpdy(dial)), dial.clock);
    } catch (error) {
      dial.signal.throwIfAborted();
      if (!mayBeProtocol(error)) throw podMissing(error, dial);
      // What the preferred way says tells more than what its fallback says.
      first ??= error;
    }
  }
  throw podMissing(first, dial);
}

/** Whether the other protocol may do what this one was refused. */
const mayBeProtocol = (error: unknown): boolean =>
  error instanceof ConnectivityError && (error.code === "forward_refused" || error.code === "permission_denied");

function podMissing(error: unknown, { pod, namespace }: TunnelDial): unknown {
  if (!(error instanceof ConnectivityError) || error.code !== "resource_missing") return error;
  return new ConnectivityError("pod_gone", `pod ${pod} is gone`, { pod, namespace }, { cause: error });
}

async function overWebSocket(dial: TunnelDial): Promise<ByteLink> {
  const key = randomBytes(16).toString("base64");
  const { socket, head, headers, encrypted } = await dial.api.upgrade({
    ...request(dial, "get"),
    headers: {
      Accept: "*/*",
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": key,
      "Sec-WebSocket-Protocol": subprotocol,
    },
  });
  const accept = createHash("sha1")
    .update(key + acceptSuffix)
    .digest("base64");
  if (headers["sec-websocket-accept"] === accept && headers["sec-websocket-protocol"] === subprotocol) {
    return new WebSocketLink(socket, head, encrypted);
  }
  socket.destroy();
  throw refused(dial);
}

async function overSpdy(dial: TunnelDial): Promise<ByteLink> {
  const { socket, head, headers } = await dial.api.upgrade({
    ...request(dial, "create"),
    method: "POST",
    headers: {
      Accept: "*/*",
      Connection: "Upgrade",
      Upgrade: "SPDY/3.1",
      "X-Stream-Protocol-Version": "portforward.k8s.io",
    },
  });
  if (headers.upgrade?.toLowerCase() === "spdy/3.1") return new RawLink(socket, head);
  socket.destroy();
  throw refused(dial);
}

const request = ({ namespace, pod, access, signal }: TunnelDial, verb: string) => ({
  path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/portforward`,
  subject: { verb, resource: "pods/portforward", namespace, name: pod },
  access,
  signal,
});

const refused = ({ pod, namespace }: TunnelDial): ConnectivityError =>
  new ConnectivityError("forward_refused", "the API server switched to another protocol than the one asked for", {
    pod,
    namespace,
  });
