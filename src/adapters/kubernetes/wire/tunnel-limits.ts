/** Bounds of one tunnel. */
export interface TunnelLimits {
  /** A dead peer is noticed within twice this. */
  readonly pingIntervalMs: number;
  /** What one stream's reader may leave unread before the whole connection is paused: SPDY has no windows here. */
  readonly receiveCap: number;
  /** The same where others share the connection and no other of them is behind. */
  readonly sharedReceiveCap: number;
  /** How long a reader that stands still may hold up others on its connection. */
  readonly stallMs: number;
  /** Bytes on their way into the socket before writers wait. */
  readonly sendCap: number;
  /** How long the server may take to answer the opening of a stream; the kubelet itself gives up after 30 s. */
  readonly openMs: number;
}

export const tunnelLimits: TunnelLimits = {
  pingIntervalMs: 3000,
  receiveCap: 256 * 1024,
  sharedReceiveCap: 2 * 1024 * 1024,
  stallMs: 10_000,
  sendCap: 512 * 1024,
  openMs: 10_000,
};
