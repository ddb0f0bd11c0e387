import path from "node:path";
import type { Expiry } from "#application/ports/expiry.ts";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { RouteTarget } from "#application/ports/route.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { Incoming, Listening, RemoteListen, ServerConnection } from "../server-connection.ts";
import { ChannelSocket } from "./channel-socket.ts";
import { Channels, targetKey } from "./channels.ts";
import { control, type Control } from "./control.ts";
import { listenRemotely } from "./remote-listener.ts";
import { unanswered } from "../still-there.ts";
import { channelEvent, type OpenFailure } from "./log-lines.ts";
import type { LoginLog } from "./login-log.ts";
import type { MasterProcess } from "./master-process.ts";

/** More targets than this over one connection: those that nobody uses make room. */
const mostListeners = 64;

interface LocalSocket {
  readonly path: string;
  readonly spec: string;
  readonly ready: Promise<string | undefined>;
  users: number;
}

export interface OpensshParts {
  readonly control: Control;
  readonly dir: string;
  readonly process: MasterProcess;
  readonly log: LoginLog;
  readonly facts: Facts;
  readonly expiries: readonly Expiry[];
  /** Lets go of what the connection needed. */
  readonly release: () => Promise<void>;
}

/** One connection of the system's OpenSSH, logged in, with its channels. Ends once; every channel ends with it. */
export class OpensshConnection implements ServerConnection {
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly #parts: OpensshParts;
  readonly #channels = new Channels();
  readonly #listeners = new Map<string, LocalSocket>();
  readonly #streams = new Set<ChannelSocket>();
  #state: "open" | "ending" | "closed" = "open";
  #silent = false;
  #count = 0;

  constructor(parts: OpensshParts) {
    this.#parts = parts;
    this.closed = parts.process.ended.then(async () => {
      const lost = this.#state === "open" ? this.#lost() : undefined;
      this.#state = "closed";
      for (const stream of this.#streams) stream.connectionGone(lost ?? gone("the SSH connection was closed"));
      await parts.release();
      return lost;
    });
  }

  get alive(): boolean {
    return this.#state === "open";
  }
  /** Channels that are open. */
  get channels(): number {
    return this.#streams.size;
  }

  /** A line of OpenSSH's log. */
  read(line: string): void {
    const event = channelEvent(line);
    if (event) this.#channels.take(event);
    else this.#parts.log.take(line);
  }

  expiries(): readonly Expiry[] {
    return this.#parts.expiries;
  }

  facts(): Facts {
    return this.#parts.facts;
  }

  async open(to: RouteTarget, signal: AbortSignal): Promise<TunnelStream> {
    signal.throwIfAborted();
    if (this.#state !== "open") throw gone("the SSH connection was closed");
    const local = this.#listener(to);
    local.users++;
    try {
      if ((await local.ready) === undefined)
        throw this.alive ? refusedForward(to) : gone("the SSH connection was lost");
      return await this.#connect(local, to, signal);
    } finally {
      local.users--;
    }
  }

  async listen(at: RemoteListen, onConnection: (incoming: Incoming) => void, signal: AbortSignal): Promise<Listening> {
    signal.throwIfAborted();
    if (this.#state !== "open") throw gone("the SSH connection was closed");
    const { dir, control: running } = this.#parts;
    const listening = await listenRemotely({ ...running, dir, name: `r${++this.#count}` }, at, onConnection);
    void this.closed.then(() => listening.close());
    if (signal.aborted) listening.close();
    signal.throwIfAborted();
    return listening;
  }

  /** OpenSSH says whether it runs; the server itself is asked by its keepalive. */
  async ask(signal: AbortSignal): Promise<void> {
    const answer = await control(this.#parts.control, "check");
    signal.throwIfAborted();
    if (answer === undefined) throw gone("the SSH connection was lost");
  }

  /** By a channel to a socket that nobody has: whatever the server answers, it is there. */
  async verify(withinMs: number): Promise<void> {
    const over = AbortSignal.timeout(withinMs);
    try {
      (await this.open({ socket: "/portwright.invalid" }, over)).destroy();
    } catch {
      if (!over.aborted || !this.alive) return;
      this.#silent = true;
      this.#parts.process.end();
      await this.closed;
    }
  }

  /** Says goodbye and closes. Idempotent. */
  end(): void {
    if (this.#state === "open") this.#state = "ending";
    this.#parts.process.end();
  }

  /** Cuts now. Idempotent. */
  destroy(): void {
    this.end();
    for (const stream of this.#streams) stream.connectionGone(gone("the SSH connection was closed"));
  }

  async #connect(local: LocalSocket, to: RouteTarget, signal: AbortSignal): Promise<TunnelStream> {
    signal.throwIfAborted();
    const opening = Promise.withResolvers<TunnelStream>();
    const stream = new ChannelSocket(local.path);
    this.#streams.add(stream);
    const onAbort = (): void => void stream.destroy(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    stream.once("close", () => {
      this.#streams.delete(stream);
      opening.reject(signal.aborted ? signal.reason : gone("the SSH connection was lost"));
    });
    stream.once("error", (error) => opening.reject(error));
    this.#channels.expect("socket" in to ? targetKey(to.socket, -2) : targetKey(to.host, to.port), {
      confirmed: () => opening.resolve(stream),
      refused: (reason, text) => {
        opening.reject(channelRefused(reason, text, to));
        stream.destroy();
      },
      eof: () => stream.targetEnded(),
      closed: () => stream.serverClosed(),
    });
    try {
      return await opening.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** The local socket that leads to a target, made when it is first wanted. */
  #listener(to: RouteTarget): LocalSocket {
    const target = "socket" in to ? to.socket : `${to.host.includes(":") ? `[${to.host}]` : to.host}:${to.port}`;
    const known = this.#listeners.get(target);
    if (known) return known;
    const { control: running, dir } = this.#parts;
    for (const [name, other] of this.#listeners) {
      if (this.#listeners.size < mostListeners) break;
      if (other.users > 0) continue;
      this.#listeners.delete(name);
      void control(running, "cancel", "-L", other.spec);
    }
    const socketPath = path.join(dir, String(++this.#count));
    const spec = `${socketPath}:${target}`;
    const local = { path: socketPath, spec, ready: control(running, "forward", "-L", spec), users: 0 };
    this.#listeners.set(target, local);
    void local.ready.then((done) => {
      if (done === undefined) this.#listeners.delete(target);
    });
    return local;
  }

  #lost(): ConnectivityError {
    if (this.#silent) return unanswered({ driver: "openssh" });
    const { log } = this.#parts;
    const silent = log.saw("silent_peer");
    return new ConnectivityError(
      "connection_lost",
      silent
        ? "the SSH server stopped answering"
        : log.saw("closed_by_server")
          ? "the SSH server ended the connection"
          : "the SSH connection was lost",
      { driver: "openssh", ...(silent && { keepalive: "unanswered" }) },
      log.said === undefined ? {} : { untrusted: log.said },
    );
  }
}

const name = (to: RouteTarget): string => ("socket" in to ? to.socket : `${to.host}:${to.port}`);

const gone = (message: string): ConnectivityError => new ConnectivityError("connection_lost", message);

const refusedForward = (to: RouteTarget): ConnectivityError =>
  new ConnectivityError("ssh_forwarding_prohibited", `OpenSSH does not forward to ${name(to)}`, { target: name(to) });

function channelRefused(reason: OpenFailure, text: string, to: RouteTarget): ConnectivityError {
  const target = name(to);
  const facts: Facts = { target, reason, driver: "openssh" };
  const options = text === "" ? {} : { untrusted: text };
  switch (reason) {
    case "prohibited":
    case "unknown_type":
      return new ConnectivityError(
        "ssh_forwarding_prohibited",
        `the SSH server does not allow forwarding to ${target}`,
        facts,
        options,
      );
    case "connect_failed":
      return new ConnectivityError(
        "target_unreachable",
        `the SSH server could not connect to ${target}`,
        facts,
        options,
      );
    case "no_resources":
      return new ConnectivityError(
        "ssh_session_limit",
        `the SSH server has no room for a further connection to ${target}`,
        facts,
        options,
      );
  }
}
