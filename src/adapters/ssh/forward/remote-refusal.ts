import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { Lease } from "../pooled-server.ts";
import { reachable, type RemoteEnd, type RemoteForwardParts } from "./remote-end.ts";

/**
 * Why a server does not listen: it says only that it does not (RFC 4254 §7.1), so it is asked more. A port that takes a
 * connection is held; a server that listens on another port does not allow this one.
 */
export async function explainRefusal(
  { end, host, lostMs }: RemoteForwardParts,
  lease: Lease,
  signal: AbortSignal,
): Promise<ConnectivityError> {
  const where = end.socket ?? `port ${end.port}`;
  const facts: Facts =
    end.socket === undefined ? { host, port: end.port, bind: end.bind } : { host, socket: end.socket };
  const prohibited = (message: string, more: Facts = {}): ConnectivityError =>
    new ConnectivityError("ssh_forwarding_prohibited", message, { ...facts, direction: "remote", ...more });
  const held = await holds(end, lease, signal);
  if (held === "yes" || (held === "unknown" && (await listensElsewhere(end.bind, lease, signal)))) {
    const byUs = lostMs !== undefined;
    const lostS = byUs ? Math.round((performance.now() - lostMs) / 1000) : 0;
    return new ConnectivityError(
      "remote_port_in_use",
      byUs
        ? `${where} of ${host} is still held by our session that was lost ${lostS} s ago; the server lets it go when it notices`
        : `${where} of ${host} is held by another session or program`,
      { ...facts, held_by: byUs ? "our lost session" : "another", ...(byUs && { lost_s_ago: lostS }) },
    );
  }
  if (held === "no" && (await listensElsewhere(end.bind, lease, signal))) {
    return end.port > 0 && end.port < 1024
      ? prohibited(`${host} does not let this user listen on ${where}: ports below 1024 are root's`, {
          privileged: true,
        })
      : prohibited(`${host} does not allow to listen on ${where} (PermitListen, or the address)`);
  }
  return prohibited(`${host} does not allow remote forwards (AllowTcpForwarding, PermitListen)`);
}

/** Whether something listens there already: a connection by the server tells, where the server allows one. */
export async function holds(end: RemoteEnd, lease: Lease, signal: AbortSignal): Promise<"yes" | "no" | "unknown"> {
  try {
    const to = end.socket === undefined ? { host: reachable(end.bind), port: end.port } : { socket: end.socket };
    const stream = await lease.open(to, signal);
    stream.destroy();
    return "yes";
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof ConnectivityError && error.code === "target_unreachable" ? "no" : "unknown";
  }
}

/** Whether it listens on a port of its own choice. */
async function listensElsewhere(bind: string, lease: Lease, signal: AbortSignal): Promise<boolean> {
  try {
    const listening = await lease.connection.listen(
      { bind, port: 0, socket: undefined },
      (incoming) => incoming.reject(),
      signal,
    );
    listening.close();
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
