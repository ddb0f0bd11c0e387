import type { Expiry } from "#application/ports/expiry.ts";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { RouteTarget } from "#application/ports/route.ts";
import type { ClientSocket } from "#application/ports/local-listener.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { Incoming, Listening, RemoteListen, ServerConnection } from "../server-connection.ts";
import { ChannelSocket } from "./channel-socket.ts";
import { Channels } from "./channels.ts";
import { control, type Control } from "./control.ts";
import type { HandedChannel } from "./handed-channel.ts";
import { Handover } from "./handover.ts";
import { LocalSockets, type LocalSocket } from "./local-sockets.ts";
import { channelEvent, targetKey } from "./log-lines.ts";
import type { LoginLog } from "./login-log.ts";
import type { MasterProcess } from "./master-process.ts";
import { channelRefused, gone, refusedForward } from "./refusals.ts";
import { listenRemotely } from "./remote-listener.ts";
import { unanswered } from "../still-there.ts";

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
  readonly #sockets: LocalSockets;
  readonly #streams = new Set<ChannelSocket | HandedChannel>();
  #handover: Handover | undefined;
  #state: "open" | "ending" | "closed" = "open";
  #silent = false;
  #count = 0;

  constructor(parts: OpensshParts) {
    this.#parts = parts;
    this.#sockets = new LocalSockets(parts.control, parts.dir);
    this.closed = parts.process.ended.then(async () => {
      const lost = this.#state === "open" ? this.#lost() : undefined;
      this.#state = "closed";
      const reason = lost ?? gone("the SSH connection was closed");
      this.#handover?.connectionGone(reason);
      for (const stream of this.#streams) stream.connectionGone(reason);
      await parts.release();
      return lost;
    });
  }

  get alive(): boolean {
    return this.#state === "open";
  }
  get takesClients(): boolean {
    return this.#handover !== undefined;
  }
  /** Channels that are open. */
  get channels(): number {
    return this.#streams.size;
  }

  /** Makes `takesClients` true where that is possible. */
  async prepareHandover(): Promise<void> {
    this.#handover = await Handover.start(this.#parts.control.socketPath, this.#channels);
    if (!this.alive) this.#handover?.close();
  }

  /** A line of OpenSSH's log. */
  read(line: string): void {
    const event = channelEvent(line);
    if (event) this.#channels.take(event);
    // What it says beside its own log, such as why it ends.
    else if (!line.startsWith("debug")) this.#parts.log.take(line);
  }

  expiries(): readonly Expiry[] {
    return this.#parts.expiries;
  }

  facts(): Facts {
    return this.#parts.facts;
  }

  async open(to: RouteTarget, signal: AbortSignal, client?: ClientSocket): Promise<TunnelStream> {
    signal.throwIfAborted();
    if (this.#state !== "open") throw gone("the SSH connection was closed");
    const handed = client && !("socket" in to) && (await this.#handover?.open(to, client, signal));
    if (handed) return this.#kept(handed);
    signal.throwIfAborted();
    const local = this.#sockets.to(to);
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
    this.#kept(stream);
    const onAbort = (): void => void stream.destroy(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    stream.once("close", () => {
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
      outputShut() {},
      closed: () => stream.serverClosed(),
      freed() {},
    });
    try {
      return await opening.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #kept<Stream extends ChannelSocket | HandedChannel>(stream: Stream): Stream {
    this.#streams.add(stream);
    stream.once("close", () => this.#streams.delete(stream));
    return stream;
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
