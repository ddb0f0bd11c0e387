import { Duplex } from "node:stream";
import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { EagerStream } from "#application/ports/forward-driver.ts";
import type { WebSocketLink } from "./byte-link.ts";
import { ChannelReader } from "./channel-reader.ts";
import { forwardError, type ForwardTarget } from "./forward-error.ts";
import { LateEnd } from "./late-end.ts";
import { Liveness } from "./liveness.ts";
import { reached, type SilentWay, whileOpen } from "./reached.ts";
import { tunnelLimits } from "./tunnel-limits.ts";

/** Longer writes are cut: a message is read whole at the other end. */
const maxMessage = 32_768;
const dataChannel = 0;
const highWaterMark = 65_536;

/** What else goes the same way: more connections, and what was seen of its pace. */
export type ChannelWay = Pick<SilentWay, "open" | "pace">;

/** In a ping whose answer is waited for; those of `Liveness` carry nothing. */
const echoMark = Buffer.from("echo");

/**
 * One forwarded TCP connection with a WebSocket of its own, channels 0 (data) and 1 (error) of `v4.channel.k8s.io`. There
 * is no half-close: after our end of input the WebSocket stays until the target ends, or is silent for long.
 */
export class ChannelStream extends Duplex implements EagerStream {
  readonly #clock: Clock;
  readonly #target: ForwardTarget;
  readonly #dialing = new AbortController();
  readonly #lateEnd: LateEnd;
  readonly #reader = new ChannelReader();
  #link: WebSocketLink | undefined;
  #liveness: Liveness | undefined;
  /** What waits for the WebSocket. */
  #held: (() => void) | undefined;
  #paused = false;
  /** We said good-bye first: the other side owes none. */
  #leaving = false;
  #unsent = 0;
  readonly #way: ChannelWay;
  #echoed: (() => void) | undefined;

  /** @param dial opens the WebSocket */
  constructor(
    dial: (signal: AbortSignal) => Promise<WebSocketLink>,
    clock: Clock,
    target: ForwardTarget,
    way: ChannelWay,
  ) {
    super({ allowHalfOpen: true, autoDestroy: true, emitClose: true, highWaterMark });
    this.#clock = clock;
    this.#target = target;
    this.#way = way;
    this.#lateEnd = new LateEnd({
      after: (ms, run) => clock.after(ms, run),
      behind: () => this.readableLength > 0,
      send: () => {
        this.#leaving = true;
        this.#link?.end();
      },
    });
    this.on("error", () => {});
    dial(this.#dialing.signal).then(
      (link) => this.#opened(link),
      (error: unknown) => this.destroy(toConnectivityError(error)),
    );
  }

  /** Its WebSocket was open at some time. */
  get opened(): boolean {
    return this.#link !== undefined;
  }

  override _read(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#link?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#link === undefined) this.#held = () => this.#send(chunk, done);
    else this.#send(chunk, done);
  }

  override _final(done: () => void): void {
    const begin = (): void => this.#lateEnd.begin();
    // What an unopened WebSocket does not bring is no silence of the target.
    if (this.#link === undefined) this.#held = begin;
    else begin();
    done();
  }

  /** See `PodLink.verify`. */
  async verify(): Promise<void> {
    await this.#liveness?.verify();
  }

  reached(signal: AbortSignal): Promise<void> {
    const opened = async (): Promise<undefined> => {
      // A whole dial, which tells nothing of the pace.
      if (!this.opened) await new Promise((resolve) => this.once("known", resolve));
    };
    const echo = (): Promise<void> =>
      new Promise((resolve) => {
        this.#echoed = resolve;
        this.#link?.ping(echoMark);
      });
    const ends = (): boolean => this.#reader.errorText !== "";
    const way = { ...this.#way, clock: this.#clock, target: this.#target, opened, echo, ends };
    return reached(way, whileOpen(this, signal));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#dialing.abort(new ConnectivityError("cancelled", "the connection was closed before it was open"));
    this.#lateEnd[Symbol.dispose]();
    this.#liveness?.[Symbol.dispose]();
    this.#held = undefined;
    if (this.readableEnded || this.#reader.ended) this.#link?.end();
    else this.#link?.destroy();
    done(error);
  }

  #opened(link: WebSocketLink): void {
    if (this.destroyed) return link.destroy();
    this.#link = link;
    this.#liveness = new Liveness({
      clock: this.#clock,
      intervalMs: tunnelLimits.pingIntervalMs,
      ping: () => link.ping(),
      sending: () => this.#unsent > 0,
      // A target that takes no bytes keeps our pings from being read: the system's own time limit remains.
      excused: () => this.#paused || this.#unsent > 0,
      onDead: () => this.destroy(lost("the cluster no longer answers")),
    });
    link.start({
      message: () => this.#reader.message(),
      heard: () => this.#liveness?.heard(),
      pong: (payload) => {
        if (payload.length > 0) this.#echoed?.();
      },
      bytes: (chunk) => this.#received(chunk),
      ended: (error, goodbye) =>
        this.#ended(error ?? (goodbye === true || this.#leaving ? undefined : lost("it was broken off"))),
    });
    this.#held?.();
    this.#held = undefined;
    this.emit("known");
  }

  #received(chunk: Buffer): void {
    const data = this.#reader.read(chunk);
    if (data === undefined || this.destroyed) return;
    this.#lateEnd.heard();
    if (this.push(Buffer.from(data))) return;
    this.#paused = true;
    this.#link?.pause();
  }

  #ended(error: ConnectivityError | undefined): void {
    this.#liveness?.[Symbol.dispose]();
    if (this.destroyed) return;
    if (this.#reader.errorText !== "") this.destroy(forwardError(this.#reader.errorText, this.#target));
    else if (error !== undefined) this.destroy(error);
    else {
      this.#reader.ended = true;
      this.push(null);
      // What is written from now on reaches nobody, and must not cost the reader what it has not taken yet.
      this.once("end", () => this.end());
    }
  }

  #send(chunk: Buffer, done: () => void): void {
    const link = this.#link;
    if (link === undefined || this.destroyed) return done();
    this.#lateEnd.wrote();
    this.#unsent += chunk.length;
    const sent = (bytes: number): void => {
      this.#unsent -= bytes;
      this.#liveness?.sent();
      if (this.#unsent === 0) done();
    };
    for (let at = 0; at < chunk.length; at += maxMessage) {
      const part = chunk.subarray(at, at + maxMessage);
      const buffer = Buffer.allocUnsafe(link.headroom + 1 + part.length);
      buffer[link.headroom] = dataChannel;
      part.copy(buffer, link.headroom + 1);
      link.write(buffer, () => sent(part.length));
    }
    if (chunk.length === 0) done();
  }
}

const lost = (why: string): ConnectivityError =>
  new ConnectivityError("connection_lost", `the way to the pod is gone: ${why}`);
