import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { FrameBuffers } from "./frame-buffers.ts";
import { SharedLiveness } from "./liveness.ts";

/** SPDY/3.1 in a WebSocket (Kubernetes 1.31 and newer), the older SPDY upgrade, `v4.channel.k8s.io` (a WebSocket each). */
export type TunnelProtocol = "websocket" | "spdy" | "v4";

const byPreference: readonly TunnelProtocol[] = ["websocket", "spdy", "v4"];

/** What worked goes before what is better for this long: servers and gateways are replaced. */
const standsMs = 600_000;

/** A server that breaks off what worked lately is more often away than another one: only after so many in a row others are tried. */
const breaksAllowed = 3;

/** What was learnt about the way to one API server, and what its tunnels share. */
export class KnownServer {
  readonly buffers = new FrameBuffers();
  readonly liveness = new SharedLiveness();
  /** It was seen not to take first bytes together with the opening of a stream. */
  waits = false;
  #works: { readonly protocol: TunnelProtocol; readonly untilMs: number } | undefined;
  #breaks = 0;

  /** The order in which to try: what worked lately, then what is preferred, then the others. */
  order(
    nowMs: number,
    prefer: TunnelProtocol | undefined,
    among: readonly TunnelProtocol[] = byPreference,
  ): TunnelProtocol[] {
    const works = this.#works !== undefined && nowMs < this.#works.untilMs ? this.#works.protocol : undefined;
    const rank = (protocol: TunnelProtocol): number =>
      protocol === works ? -2 : protocol === prefer ? -1 : byPreference.indexOf(protocol);
    return among.toSorted((left, right) => rank(left) - rank(right));
  }

  proven(protocol: TunnelProtocol): boolean {
    return this.#works?.protocol === protocol;
  }

  /** Whether a failure says that the server is away, not that it no longer knows what worked lately. */
  isAway(error: unknown, nowMs: number, protocol: TunnelProtocol): boolean {
    if (!this.proven(protocol) || this.#works === undefined || nowMs >= this.#works.untilMs) return false;
    if (!(error instanceof ConnectivityError) || error.code !== "cluster_unreachable") return false;
    return ++this.#breaks <= breaksAllowed;
  }

  worked(nowMs: number, protocol: TunnelProtocol): void {
    this.#breaks = 0;
    if (this.#works?.protocol === protocol && nowMs < this.#works.untilMs) return;
    this.#works = { protocol, untilMs: nowMs + standsMs };
  }
}

/** Status of answers by which gateways refuse an upgrade that they do not know, beside plain refusals. */
const gatewayStatus = new Set([500, 501, 502, 503, 504, 505]);

/** Whether another protocol may do what this one was refused. */
export function mayBeProtocol(error: unknown): boolean {
  if (!(error instanceof ConnectivityError)) return false;
  const { code, facts } = error;
  if (code === "forward_refused" || code === "permission_denied") return true;
  return (
    code === "cluster_unreachable" && (gatewayStatus.has(Number(facts["status"])) || facts["reason"] === "ECONNRESET")
  );
}

const servers = new WeakMap<ClusterApi, KnownServer>();

/** What is known about the server of an API client; forgotten with it. */
export function knownServer(api: ClusterApi): KnownServer {
  const known = servers.get(api) ?? new KnownServer();
  servers.set(api, known);
  return known;
}
