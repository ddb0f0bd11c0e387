import { createHash, randomBytes } from "node:crypto";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import type { ClusterApi, Upgraded } from "../api/cluster-api.ts";
import { RawLink, WebSocketLink } from "./byte-link.ts";

/** One pod's port-forward at an API server. */
export interface ForwardRequest {
  readonly api: ClusterApi;
  readonly namespace: string;
  readonly pod: string;
  readonly access: Access;
  readonly signal: AbortSignal;
}

/** RFC 6455, section 1.3. */
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** SPDY/3.1 in the messages of a WebSocket. @throws ConnectivityError */
export const overWebSocket = (request: ForwardRequest): Promise<WebSocketLink> =>
  webSocket(request, "SPDY/3.1+portforward.k8s.io");

/** Channels of one port in the messages of a WebSocket. @throws ConnectivityError */
export const overChannels = (request: ForwardRequest, port: number): Promise<WebSocketLink> =>
  webSocket(request, "v4.channel.k8s.io", { ports: String(port) });

/** SPDY/3.1 directly on the connection. @throws ConnectivityError */
export async function overSpdy(request: ForwardRequest): Promise<RawLink> {
  const { socket, head, headers } = await upgrade(request, "create", {
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
  throw refused(request);
}

async function webSocket(
  request: ForwardRequest,
  subprotocol: string,
  query?: Readonly<Record<string, string>>,
): Promise<WebSocketLink> {
  const key = randomBytes(16).toString("base64");
  const { socket, head, headers, encrypted } = await upgrade(request, "get", {
    ...(query && { query }),
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
  throw refused(request);
}

interface UpgradeParts {
  readonly method?: "POST";
  readonly query?: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

const upgrade = (
  { api, namespace, pod, access, signal }: ForwardRequest,
  verb: string,
  parts: UpgradeParts,
): Promise<Upgraded> =>
  api.upgrade({
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/portforward`,
    subject: { verb, resource: "pods/portforward", namespace, name: pod },
    access,
    signal,
    ...parts,
  });

const refused = ({ pod, namespace }: ForwardRequest): ConnectivityError =>
  new ConnectivityError("forward_refused", "the API server switched to another protocol than the one asked for", {
    pod,
    namespace,
  });
