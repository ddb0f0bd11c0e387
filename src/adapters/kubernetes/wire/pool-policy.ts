/** What the choice of a tunnel looks at. */
export interface TunnelLoad {
  readonly streams: number;
  /** A slow reader has stopped the connection. */
  readonly stalled: boolean;
  /** Bytes that wait to be sent on it. */
  readonly queued: number;
}

export interface PoolLimits {
  /** Tunnels to one pod at most; only beyond this many open connections do two share one when they need not. */
  readonly maxTunnels: number;
  /** Tunnels kept without a stream, so that a new connection pays no handshake. */
  readonly spares: number;
  /** How long more than the spares may stay without a stream. */
  readonly idleMs: number;
}

/**
 * One tunnel per connection while there are few (a stalled or bulk transfer then costs the others nothing), shared by the
 * least loaded beyond that. A tunnel costs about 100 KiB on this side and one connection on the API server's.
 */
export const poolLimits: PoolLimits = { maxTunnels: 16, spares: 1, idleMs: 30_000 };

/** Queued bytes that make a tunnel count as busy with a bulk transfer. */
const bulkBytes = 65_536;

export type PoolChoice = { readonly use: number } | "dial" | "wait";

/**
 * Where a new connection goes: an idle tunnel, else the least loaded one that is neither stalled nor busy, else a new one,
 * else whatever is there. `wait` is for a tunnel that is being dialled already.
 * @param dialing tunnels on their way
 */
export function chooseTunnel(tunnels: readonly TunnelLoad[], dialing: number, limits: PoolLimits): PoolChoice {
  let best: number | undefined;
  for (const [index, load] of tunnels.entries()) {
    const other = best === undefined ? undefined : tunnels[best];
    if (other === undefined || cost(load) < cost(other)) best = index;
  }
  const chosen = best === undefined ? undefined : tunnels[best];
  if (best !== undefined && chosen !== undefined && !isBlocked(chosen)) return { use: best };
  if (tunnels.length + dialing < limits.maxTunnels) return "dial";
  if (dialing > 0 || best === undefined) return "wait";
  return { use: best };
}

/** How many tunnels to dial ahead, so that the next connections find one without a stream. */
export function tunnelsToDial(tunnels: readonly TunnelLoad[], dialing: number, limits: PoolLimits): number {
  const idle = tunnels.filter((load) => load.streams === 0).length;
  return Math.max(0, Math.min(limits.spares - idle - dialing, limits.maxTunnels - tunnels.length - dialing));
}

const isBlocked = (load: TunnelLoad): boolean => load.stalled || load.queued >= bulkBytes;

const cost = (load: TunnelLoad): number =>
  (load.stalled ? 1_000_000 : 0) + (load.queued >= bulkBytes ? 10_000 : 0) + load.streams;
