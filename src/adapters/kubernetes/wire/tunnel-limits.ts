/** Bounds of one tunnel. */
export interface TunnelLimits {
  /** Silence after which the peer is asked; two unanswered questions end the tunnel. */
  readonly pingIntervalMs: number;
  /** What one stream's reader may leave unread before the whole connection is paused: SPDY has no windows here. */
  readonly receiveCap: number;
  /** Bytes on their way into the socket before writers wait. */
  readonly sendCap: number;
}

export const tunnelLimits: TunnelLimits = { pingIntervalMs: 5000, receiveCap: 512 * 1024, sendCap: 512 * 1024 };
