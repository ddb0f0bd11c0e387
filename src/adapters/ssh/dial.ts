import net from "node:net";
import type { Duplex } from "node:stream";
import ssh2, { type NegotiatedAlgorithms, type NextAuthHandler } from "ssh2";
import type { Access } from "#application/ports/access.ts";
import type { Interaction } from "#application/ports/interaction.ts";
import type { Route } from "#application/ports/route.ts";
import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import { Authentication } from "./authentication.ts";
import { SshConnection } from "./connection.ts";
import { connectionLost, errnoOf, tcpConnectError } from "./errors.ts";
import { hostKeyChecker } from "./host-key.ts";
import { exchangesKeys } from "./key-exchange.ts";
import { ownReads, reusingSocket } from "./reused-reads.ts";
import { trustCommand } from "./person-commands.ts";
import { handshakeFailure } from "./handshake-failure.ts";
import { ServerIdentification } from "./server-identification.ts";
import type { SshSettings } from "./settings.ts";
import { gatherIdentification } from "./whole-identification.ts";

/** How long a dial may take, and how a dead peer is noticed. */
export interface DialLimits {
  /** TCP, identification and key exchange together. */
  readonly handshakeMs: number;
  /** The login: an agent may ask the person for a confirmation or a touch. */
  readonly loginMs: number;
  /** A peer that answers none of `keepaliveCount` questions in a row is dead: noticed after (count + 1) intervals. */
  readonly keepaliveMs: number;
  readonly keepaliveCount: number;
}

export const defaultLimits: DialLimits = { handshakeMs: 10_000, loginMs: 60_000, keepaliveMs: 5000, keepaliveCount: 2 };

/** Each address of a name gets this long before the next one is tried too; Node's 250 ms loses distant hosts for good. */
const addressAttemptMs = 2000;

export interface SshDial {
  readonly settings: SshSettings;
  readonly access: Access;
  readonly limits: DialLimits;
  /** The hops before this server; without them it is a TCP connection of our own. */
  readonly route: Route | undefined;
  readonly signal: AbortSignal;
  /** The person at a terminal who answers what the server asks for. */
  readonly interaction?: Interaction | undefined;
}

/**
 * Connects, verifies the host key, logs in.
 * @throws ConnectivityError with the cause's code; the signal's reason
 */
export async function dialSsh({
  settings,
  access,
  limits,
  route,
  signal,
  interaction,
}: SshDial): Promise<SshConnection> {
  const { host, port } = settings;
  const hostKey = await hostKeyChecker({
    ...settings,
    acceptNew: settings.resolved.strictHostKeyChecking === "accept-new",
    trustCommand: trustCommand(settings),
  });
  const authentication = await Authentication.prepare(settings, access, signal, interaction);
  signal.throwIfAborted();

  const through = route && (await reachThrough(route, host, port, signal));
  let phase: "tcp" | "handshake" | "login" | "done" = through ? "handshake" : "tcp";
  const client = new ssh2.Client();
  const way = through
    ? { socket: through, reads: ownReads }
    : reusingSocket(
        () => phase !== "done" || exchangesKeys(client),
        () => negotiated?.sc.compress !== "none",
      );
  const { socket } = way;
  const identification = new ServerIdentification();
  const dialled = Promise.withResolvers<SshConnection>();
  let resolved = net.isIP(host) !== 0;
  let negotiated: NegotiatedAlgorithms | undefined;
  let banner: string | undefined;

  const fail = (error: unknown): void => {
    if (phase === "done") return;
    phase = "done";
    dialled.reject(error);
    socket.destroy();
  };
  authentication.onStuck(fail);
  const explain = (cause: unknown): ConnectivityError => {
    if (phase === "tcp") return tcpConnectError(cause, host, port);
    if (phase === "login") return authentication.failure(cause, banner);
    return handshakeFailure(identification, { host, port, closed: cause !== undefined || socket.destroyed }, cause);
  };
  const offerNext = async (left: readonly string[], partial: boolean, next: NextAuthHandler): Promise<void> => {
    try {
      const method = await authentication.next(left, partial);
      if (phase === "done") return;
      if (method) next(method);
      else fail(authentication.failure(undefined, banner));
    } catch (error) {
      fail(error);
    }
  };
  const onAbort = (): void => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  let timer = setTimeout(
    () => fail(phase === "tcp" ? tcpTimeout(host, port, resolved) : explain(undefined)),
    limits.handshakeMs,
  );

  client.on("error", (error: Error & { level?: string }) => {
    // An agent that cannot sign, or a key that cannot: ssh2 goes on to the next one.
    if (error.level === "agent" || (phase === "login" && error.level === "client-authentication")) return;
    // A hop that was lost knows why.
    if (error instanceof ConnectivityError && phase !== "login") return fail(error);
    fail(errnoOf(error) !== undefined && phase === "login" ? connectionLost(error) : explain(error));
  });
  client.on("close", () => fail(explain(undefined)));
  client.on("connect", () => {
    phase = "handshake";
  });
  client.on("handshake", (algorithms) => {
    negotiated ??= algorithms;
    if (phase !== "handshake") return;
    phase = "login";
    clearTimeout(timer);
    timer = setTimeout(() => fail(loginTimeout(host, port)), limits.loginMs);
  });
  client.on("banner", (text) => {
    banner = text.slice(0, 1024);
  });
  // Nobody here can choose a new password; the login fails with the server's demand as its cause.
  client.on("change password", () =>
    fail(authentication.failure(undefined, "the server demands a new password for this user")),
  );
  client.on("ready", () => {
    if (phase === "done") return;
    phase = "done";
    client.removeAllListeners();
    dialled.resolve(new SshConnection(client, way, negotiated, identification.software));
  });

  if (!through && socket instanceof net.Socket) {
    socket.on("lookup", () => {
      resolved = true;
    });
    socket.setNoDelay(true);
    // Before ssh2 sees the socket: it takes one that is not connecting for connected.
    socket.connect({ host, port, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: addressAttemptMs });
  }
  client.connect({
    sock: socket,
    username: settings.user,
    readyTimeout: 0,
    keepaliveInterval: limits.keepaliveMs,
    keepaliveCountMax: limits.keepaliveCount,
    algorithms: { serverHostKey: hostKey.algorithms },
    // Without it ssh2 accepts every host. Called again when the server changes keys within a connection.
    hostVerifier: (key: Buffer): boolean => {
      const refusal = hostKey.refusal(key);
      if (refusal) fail(refusal);
      return refusal === undefined;
    },
    authHandler: (left, partial, next) => {
      void offerNext(left, partial, next);
    },
  });
  gatherIdentification(client, identification, () => fail(explain(undefined)));
  try {
    return await dialled.promise;
  } catch (error) {
    throw signal.aborted ? signal.reason : toConnectivityError(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/** The last hop speaks of this server as its target; for us it is the host that cannot be reached. */
async function reachThrough(route: Route, host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  try {
    return await route.connect({ host, port }, { signal });
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toConnectivityError(thrown);
    if (error.code !== "target_unreachable") throw error;
    throw new ConnectivityError(
      "host_unreachable",
      `${host}:${port} could not be reached by ${route.via}`,
      { ...error.facts, host, port, through: route.via },
      { cause: error },
    );
  }
}

/** Not even resolved, or resolved and not answering. */
const tcpTimeout = (host: string, port: number, resolved: boolean): ConnectivityError =>
  tcpConnectError({ code: resolved ? "ETIMEDOUT" : "EAI_AGAIN" }, host, port);

const loginTimeout = (host: string, port: number): ConnectivityError =>
  new ConnectivityError("host_unreachable", `${host}:${port} did not finish the login in time`, {
    host,
    port,
    phase: "login",
  });
