import net from "node:net";
import { ReadBuffers } from "#adapters/net/read-buffers.ts";
import { relayStreams } from "#adapters/net/relay-streams.ts";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { RouteTarget } from "#application/ports/route.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { errnoOf } from "../errors.ts";
import type { Incoming, Listening } from "../server-connection.ts";
import type { Lease } from "../pooled-server.ts";
import { reachable, type LocalTarget, type RemoteEnd, type RemoteForwardParts } from "./remote-end.ts";
import { explainRefusal, holds } from "./remote-refusal.ts";
import type { Forward } from "./transport.ts";

/** A target on this machine answers at once or not at all. */
const connectTimeoutMs = 5000;

/** A server that notices dead peers at all (ClientAliveInterval) has noticed after this long; then another port is better. */
const lettingGoMs = 120_000;
const attemptsAfterStart = 4;
const attemptGapMs = 500;

const buffers = new ReadBuffers();

/**
 * `-R`: clients connect at the server. Its check goes the whole way round: by the server to the port that it listens on,
 * and back through this forward to the target.
 * @throws ConnectivityError `remote_port_in_use`, `ssh_forwarding_prohibited`, `connection_lost`; the signal's reason
 */
export async function openRemoteForward(
  parts: RemoteForwardParts,
  lease: Lease,
  signal: AbortSignal,
): Promise<Forward & { readonly port: number }> {
  const checks = new Set<TunnelStream>();
  const onConnection = (incoming: Incoming): void => void serve(incoming, parts.target, checks);
  const listening = await listen(parts, lease, onConnection, signal);
  const around: RouteTarget =
    parts.end.socket === undefined
      ? { host: reachable(parts.end.bind), port: listening.port }
      : { socket: parts.end.socket };
  const where = parts.end.socket ?? `${parts.end.bind || "*"}:${listening.port}`;
  return {
    via: parts.via,
    endpoint: parts.end.socket === undefined ? `${parts.host}:${listening.port}` : `${parts.host}:${parts.end.socket}`,
    port: listening.port,
    connect: async (options) => {
      const stream = await roundTrip(around, parts.target, lease, options.signal);
      checks.add(stream);
      stream.once("close", () => checks.delete(stream));
      return stream;
    },
    expiries: () => lease.expiries(),
    facts: () => ({ ...lease.facts(), direction: "remote", remote_end: where }),
    closed: lease.closed,
    release: () => {
      listening.close();
      lease.release();
    },
  };
}

async function listen(
  parts: RemoteForwardParts,
  lease: Lease,
  onConnection: (incoming: Incoming) => void,
  signal: AbortSignal,
): Promise<Listening> {
  const { end, before } = parts;
  if (end.port === 0 && end.socket === undefined && before !== undefined) {
    // The port that clients know; the server chooses another one only if it is gone.
    const again = await askAgain({ ...parts, end: { ...end, port: before } }, lease, onConnection, signal);
    if (again) return again;
  }
  try {
    return await listenOn(end, lease, onConnection, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!lease.connection.alive) throw error;
    throw await explainRefusal(parts, lease, signal);
  }
}

/**
 * A port that the server chose before. One that a lost session of ours still holds is worth the wait; right after a start
 * of the daemon its last one may be about to let go.
 * @returns `undefined` when another program has it
 * @throws ConnectivityError `remote_port_in_use` while a lost session of ours has it
 */
async function askAgain(
  parts: RemoteForwardParts,
  lease: Lease,
  onConnection: (incoming: Incoming) => void,
  signal: AbortSignal,
): Promise<Listening | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listenOn(parts.end, lease, onConnection, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!lease.connection.alive) throw error;
    }
    if ((await holds(parts.end, lease, signal)) !== "yes") return undefined;
    const lostForMs = parts.lostMs === undefined ? undefined : performance.now() - parts.lostMs;
    if (lostForMs !== undefined && lostForMs < lettingGoMs) throw await explainRefusal(parts, lease, signal);
    if (lostForMs !== undefined || attempt === attemptsAfterStart) return undefined;
    await new Promise((resolve) => {
      setTimeout(resolve, attemptGapMs);
    });
  }
}

/**
 * For `localhost` OpenSSH listens on both loopback addresses and is content with one: where another program holds
 * 127.0.0.1, clients would come to that. So they are asked for one by one, and only the second may be missing.
 */
async function listenOn(
  end: RemoteEnd,
  lease: Lease,
  onConnection: (incoming: Incoming) => void,
  signal: AbortSignal,
): Promise<Listening> {
  const { connection } = lease;
  if (end.socket !== undefined || end.bind !== "localhost") return connection.listen(end, onConnection, signal);
  let first: Listening;
  try {
    first = await connection.listen({ ...end, bind: "127.0.0.1" }, onConnection, signal);
  } catch (error) {
    signal.throwIfAborted();
    const held = await holds({ ...end, bind: "127.0.0.1" }, lease, signal);
    if (!connection.alive || held !== "no") throw error;
    // PermitListen may name localhost itself.
    return connection.listen(end, onConnection, signal);
  }
  const second = await connection
    .listen({ ...end, bind: "::1", port: first.port }, onConnection, signal)
    .catch(() => undefined);
  return {
    port: first.port,
    close: () => {
      first.close();
      second?.close();
    },
  };
}

async function roundTrip(around: RouteTarget, target: LocalTarget, lease: Lease, signal: AbortSignal) {
  try {
    return await lease.open(around, signal);
  } catch (error) {
    // A server that allows this direction only: what is left to verify is the target.
    if (error instanceof ConnectivityError && error.code === "ssh_forwarding_prohibited") return dial(target, signal);
    throw error;
  }
}

async function serve(incoming: Incoming, target: LocalTarget, checks: ReadonlySet<TunnelStream>): Promise<void> {
  try {
    const socket = await dial(target, AbortSignal.timeout(connectTimeoutMs));
    const stream = incoming.accept();
    await relayStreams(stream, socket, buffers);
  } catch (error) {
    incoming.reject();
    // A check on its way round learns what is wrong, not only that the server closes.
    for (const check of checks) check.destroy(error instanceof ConnectivityError ? error : undefined);
  }
}

/** @throws ConnectivityError `target_unreachable`; the signal's reason */
async function dial(target: LocalTarget, signal: AbortSignal): Promise<net.Socket> {
  const socket = net.connect({ ...target, allowHalfOpen: true, noDelay: true, autoSelectFamily: true });
  const { promise, resolve, reject } = Promise.withResolvers<net.Socket>();
  const place = "path" in target ? target.path : `${target.host}:${target.port}`;
  const onAbort = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once("connect", () => resolve(socket));
  socket.once("error", (cause) => {
    const errno = errnoOf(cause);
    const facts = { target: place, local: true, ...(errno !== undefined && { errno }) };
    reject(
      new ConnectivityError("target_unreachable", `nothing on this machine answers at ${place}`, facts, { cause }),
    );
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.on("error", () => undefined);
  }
}
