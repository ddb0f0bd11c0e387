import type { TunnelStream } from "./forward-driver.ts";

/** Reaches what listens on this machine, without a forward. */
export interface LocalReach {
  /** Connects to a TCP port of 127.0.0.1, else ::1. @throws ConnectivityError `target_port_closed`; the signal's reason */
  connect(port: number, signal: AbortSignal): Promise<TunnelStream>;
}
