/** What the choice of a tunnel looks at. */
export interface TunnelLoad {
  readonly streams: number;
  /** A slow reader has stopped the connection. */
  readonly stalled: boolean;
  /** Bytes that wait to be sent on it. */
  readonly queued: number;
  /** Its connections share nothing: any number of them is as good as none. */
  readonly unshared?: boolean;
}

export interface PoolLimits {
  /** Tunnels to one pod at most; only beyond this many open connections do two share one. */
  readonly maxTunnels: number;
  /** The least and the most tunnels kept without a stream, so that a new connection pays no handshake. */
  readonly spares: readonly [number, number];
  /** How long more than the spares may stay without a stream. */
  readonly idleMs: number;
}

/**
 * One tunnel per connection while there are few, since a reader that stands still stops its whole tunnel; shared by the
 * least loaded beyond that. A tunnel costs about 100 KiB on this side and one connection on the API server's.
 */
export const poolLimits: PoolLimits = { maxTunnels: 64, spares: [1, 4], idleMs: 30_000 };

/** Queued bytes that make a tunnel count as busy with a bulk transfer. */
const bulkBytes = 65_536;

export type PoolChoice = { readonly use: number } | "dial" | "wait";

/**
 * Where a new connection goes: an idle tunnel, else one of its own, else the least loaded that is neither stalled nor
 * busy, else whatever is there. `wait` is for a tunnel that is being dialled already.
 * @param dialing tunnels on their way
 * @param waiting connections that wait for one of them
 */
export function chooseTunnel(
  tunnels: readonly TunnelLoad[],
  dialing: number,
  waiting: number,
  limits: PoolLimits,
): PoolChoice {
  let best = 0;
  for (const [index, load] of tunnels.entries()) {
    if (cost(load) < cost(tunnels[best] ?? load)) best = index;
  }
  const chosen = tunnels[best];
  if (chosen !== undefined && isFree(chosen)) return { use: best };
  if (dialing > waiting) return "wait";
  if (tunnels.length + dialing < limits.maxTunnels) return "dial";
  return chosen === undefined ? "wait" : { use: best };
}

/** How many tunnels to keep without a stream: more where many come. */
export function sparesWanted(streams: number, { spares: [least, most] }: PoolLimits): number {
  return Math.max(least, Math.min(most, Math.ceil(streams / 4)));
}

/** How many tunnels to dial ahead, so that the next connections find one without a stream. */
export function tunnelsToDial(tunnels: readonly TunnelLoad[], dialing: number, limits: PoolLimits): number {
  const idle = tunnels.filter(isFree).length;
  // One that shares nothing is spare enough.
  if (tunnels.some((load) => load.unshared)) return 0;
  const wanted = sparesWanted(tunnels.length - idle, limits);
  return Math.max(0, Math.min(wanted - idle - dialing, limits.maxTunnels - tunnels.length - dialing));
}

/** Whether a connection on it is alone. */
const isFree = (load: TunnelLoad): boolean =>
  load.unshared === true || (load.streams === 0 && !load.stalled && load.queued < bulkBytes);

const cost = (load: TunnelLoad): number =>
  isFree(load) ? 0 : (load.stalled ? 1_000_000 : 0) + (load.queued >= bulkBytes ? 10_000 : 0) + load.streams;
