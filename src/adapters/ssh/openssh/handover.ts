import type { ClientSocket } from "#application/ports/local-listener.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ChannelFollower, Channels } from "./channels.ts";
import { HandedChannel } from "./handed-channel.ts";
import { targetKey } from "./log-lines.ts";
import { MuxClient } from "./mux-client.ts";
import type { MuxAnswer } from "./mux-messages.ts";
import { channelRefused, gone } from "./refusals.ts";
import { SpareClients } from "./spare-clients.ts";

/** The log tells why a channel was refused before the control connection tells that it was. */
const reasonMs = 1000;

/**
 * OpenSSH (9.2 at least) notices that a control connection is gone, closes its channel, and waits for something else to
 * happen before it tells the server: so something happens, this long after.
 */
const nudgesMs = [10, 200, 1000];

/** A host and port, as the server sees them; OpenSSH takes no other. */
interface TcpTarget {
  readonly host: string;
  readonly port: number;
}

/** A busy machine may take a while to read the end of the log. */
const logEndMs = 5000;

/** One that OpenSSH was asked for and has not answered. */
interface Pending {
  readonly target: string;
  lost(reason: ConnectivityError): void;
}

/**
 * Hands clients' own sockets to OpenSSH, which from then on reads and writes them itself: the bytes take the same way as
 * by `ssh -L`. Our copy of the socket stays open and unread, to end or reset it when the channel ends.
 *
 * OpenSSH ends such a channel when the target has ended its output, as by `ssh -W`: a target that ends first and reads on
 * gets no more.
 */
export class Handover {
  readonly #spares: SpareClients;
  readonly #channels: Channels;
  readonly #pending = new Set<Pending>();

  private constructor(spares: SpareClients, channels: Channels) {
    this.#spares = spares;
    this.#channels = channels;
  }

  /** @returns `undefined` where this runtime or this OpenSSH cannot do it */
  static async start(controlPath: string, channels: Channels): Promise<Handover | undefined> {
    const first = await MuxClient.greet(controlPath);
    return first && new Handover(new SpareClients(controlPath, first), channels);
  }

  /**
   * Opens a channel between a client and a target.
   * @returns `undefined` when the socket could not be handed over; it is as it was
   * @throws ConnectivityError as `ServerConnection.open`; the client is as it was, or spoiled where it may have been read
   */
  async open(to: TcpTarget, client: ClientSocket, signal: AbortSignal): Promise<HandedChannel | undefined> {
    const target = targetKey(to.host, to.port);
    const mux = await this.#spares.take();
    if (signal.aborted) mux?.destroy();
    signal.throwIfAborted();
    const asked = mux?.forward(to, client.handle);
    if (!mux || !asked) return undefined;
    let refused = false;
    let settled = false;
    let timer: NodeJS.Timeout | undefined;
    const interrupted = Promise.withResolvers<never>();
    const abandon = (reason: unknown): void => {
      // Whoever waits for it elsewhere by now keeps it.
      if (settled) return;
      settled = true;
      client.spoil();
      interrupted.reject(reason);
    };
    const pending: Pending = {
      target,
      // Until it is confirmed OpenSSH reads nothing, and what it confirmed it wrote to its log first.
      lost: (reason) => {
        if (this.#channels.handed.hasUnknown(target)) return abandon(reason);
        settled = true;
        interrupted.reject(reason);
      },
    };
    const onAbort = (): void => abandon(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#pending.add(pending);
    try {
      const answer = await Promise.race([asked.answer, interrupted.promise]);
      this.#spares.refill();
      if (answer?.kind === "opened") return this.#adopt(answer.channel, mux);
      if (answer?.kind === "failed") {
        refused = true;
        settled = true;
        const { reason, text } = (await this.#channels.handed.refusal(target, reasonMs)) ?? unexplained;
        throw channelRefused(reason, text, to);
      }
      // The end of OpenSSH shows here first; what it means is known when its log has ended.
      timer = setTimeout(() => abandon(gone("OpenSSH gave the connection up")), logEndMs);
      return await interrupted.promise;
    } catch (error) {
      // A refusal is at an end already.
      if (!refused) void this.#dispose(asked.answer, mux, target);
      throw error;
    } finally {
      settled = true;
      clearTimeout(timer);
      interrupted.promise.catch(() => {});
      this.#pending.delete(pending);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Nobody was told yet of these: all that OpenSSH said was read. */
  connectionGone(reason: ConnectivityError): void {
    this.#spares.close();
    for (const pending of this.#pending) pending.lost(reason);
  }

  close(): void {
    this.#spares.close();
  }

  #adopt(channel: number, mux: MuxClient): HandedChannel {
    const stream = new HandedChannel(mux);
    let freed = false;
    this.#channels.handed.adopt(
      channel,
      follow(stream, () => (freed = true)),
    );
    stream.once("close", () => {
      for (const ms of freed ? [] : nudgesMs) setTimeout(() => freed || this.#spares.nudge(), ms).unref();
    });
    return stream;
  }

  /** A channel that nobody wants any more is still one that the log tells of. */
  async #dispose(answer: Promise<MuxAnswer | undefined>, mux: MuxClient, target: string): Promise<void> {
    const late = await answer;
    if (late?.kind === "opened") this.#adopt(late.channel, mux).destroy();
    else mux.destroy();
    if (late?.kind === "failed") await this.#channels.handed.refusal(target, reasonMs);
  }
}

const unexplained = { reason: "connect_failed", text: "" } as const;

const follow = (stream: HandedChannel, onFreed: () => void): ChannelFollower => ({
  confirmed() {},
  refused() {},
  eof: () => stream.targetEnded(),
  outputShut: () => stream.outputShut(),
  closed: () => stream.serverClosed(),
  freed: () => {
    onFreed();
    stream.over();
  },
});
