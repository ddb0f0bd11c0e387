import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Clock } from "#application/ports/clock.ts";
import { ChannelLink, quietPort } from "./channel-link.ts";
import type { PodLink } from "./pod-link.ts";
import { Tunnel } from "./tunnel.ts";
import { knownServer, mayBeProtocol, type KnownServer, type TunnelProtocol } from "./tunnel-protocol.ts";
import { type ForwardRequest, overChannels, overSpdy, overWebSocket } from "./upgrades.ts";

export interface TunnelDial extends ForwardRequest {
  readonly clock: Clock;
  /** The one to try first; the others follow when the server or a gateway does not know it. */
  readonly prefer?: TunnelProtocol;
  /** Which may be tried; default: all. */
  readonly among?: readonly TunnelProtocol[];
}

/** How long a fresh tunnel may take to answer its first ping. */
const proofMs = 5000;

/**
 * Opens a way to a pod: SPDY/3.1 in a WebSocket (Kubernetes 1.31 and newer), else by the older SPDY upgrade, which is also
 * what a role with only `create` on `pods/portforward` allows on servers before 1.35, else a WebSocket for each connection.
 * What worked is tried first the next time. A tunnel that was never seen to work must answer a ping first, since a gateway
 * may agree to an upgrade that it does not carry.
 * @throws ConnectivityError `pod_gone`, `permission_denied`, `forward_refused`, `cluster_unreachable`, …; the signal's reason
 */
export async function dialTunnel(dial: TunnelDial): Promise<PodLink> {
  const known = knownServer(dial.api);
  let first: unknown;
  for (const protocol of known.order(dial.clock.monotonicMs(), dial.prefer, dial.among)) {
    try {
      const link = await (protocol === "v4" ? channels(dial) : tunnel(dial, protocol, known));
      known.worked(dial.clock.monotonicMs(), protocol);
      return link;
    } catch (error) {
      dial.signal.throwIfAborted();
      const away = known.isAway(error, dial.clock.monotonicMs(), protocol);
      if (away || !mayBeProtocol(error)) throw podMissing(error, dial);
      // What the preferred way says tells more than what its fallback says.
      first ??= error;
    }
  }
  throw podMissing(first, dial);
}

async function tunnel(dial: TunnelDial, protocol: "websocket" | "spdy", known: KnownServer): Promise<PodLink> {
  const link = await (protocol === "websocket" ? overWebSocket(dial) : overSpdy(dial));
  const opened = new Tunnel(link, dial.clock, {
    buffers: known.buffers,
    liveness: known.liveness,
    waits: known.waits,
    onUnanswered: () => {
      known.waits = true;
    },
  });
  if (!known.proven(protocol) && !(await opened.answers(proofMs, dial.signal))) {
    opened.destroy();
    throw new ConnectivityError("forward_refused", "the tunnel was agreed to, but nothing comes through it", {
      pod: dial.pod,
      namespace: dial.namespace,
      protocol,
    });
  }
  return opened;
}

async function channels(dial: TunnelDial): Promise<PodLink> {
  const proof = await overChannels(dial, quietPort);
  proof.destroy();
  return new ChannelLink(
    (toPort, signal) =>
      overChannels({ ...dial, signal }, toPort).catch((error) => Promise.reject(podMissing(error, dial))),
    dial.clock,
  );
}

function podMissing(error: unknown, { pod, namespace }: TunnelDial): unknown {
  if (!(error instanceof ConnectivityError) || error.code !== "resource_missing") return error;
  return new ConnectivityError("pod_gone", `pod ${pod} is gone`, { pod, namespace }, { cause: error });
}
