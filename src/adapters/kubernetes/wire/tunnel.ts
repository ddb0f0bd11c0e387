import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { ByteLink } from "./byte-link.ts";
import { FirstWord } from "./first-word.ts";
import type { ForwardTarget } from "./forward-error.ts";
import { FrameBuffers } from "./frame-buffers.ts";
import { Liveness, type SharedLiveness } from "./liveness.ts";
import { Openings } from "./openings.ts";
import { Outbox } from "./outbox.ts";
import type { PodLink } from "./pod-link.ts";
import { ServerFrames } from "./server-frames.ts";
import { SpdyDecoder } from "./spdy-decoder.ts";
import { dataHeader, goAway, ping, rstStream, statusCancel, StreamOpener } from "./spdy-frames.ts";
import { Stalls } from "./stalls.ts";
import type { StreamHost } from "./stream-host.ts";
import { StreamTable } from "./stream-table.ts";
import { TunnelSilence } from "./tunnel-silence.ts";
import { lost, silent, unanswered } from "./tunnel-errors.ts";
import { tunnelLimits, type TunnelLimits } from "./tunnel-limits.ts";
import { ForwardStream } from "./tunnel-stream.ts";

export interface TunnelOptions {
  readonly limits?: TunnelLimits;
  readonly buffers?: FrameBuffers;
  /** The server was seen not to take first bytes together with the opening. */
  readonly waits?: boolean;
  /** Of all tunnels to the same server. */
  readonly liveness?: SharedLiveness;
  /** The server did not answer an opening in time. */
  readonly onUnanswered?: () => void;
}

/**
 * One upgraded connection to one pod with its table of streams: forwarded connections come and go on it, to any port of
 * the pod. It ends by itself when the peer is silent, breaks the protocol or closes; `closed` then tells the cause.
 */
export class Tunnel implements PodLink, StreamHost {
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly protocol: string;
  readonly #link: ByteLink;
  readonly #clock: Clock;
  readonly #limits: TunnelLimits;
  readonly #outbox: Outbox;
  readonly #openings: Openings;
  readonly #liveness: Liveness;
  readonly #frames: ServerFrames;
  readonly #decoder: SpdyDecoder;
  readonly #opener = new StreamOpener();
  readonly #streams = new StreamTable();
  readonly #stalls: Stalls<ForwardStream>;
  #state: "open" | "draining" | "closed" = "open";
  #settle!: (cause: ConnectivityError | undefined) => void;
  readonly #silence: TunnelSilence;
  #waits: boolean;
  readonly #firstWord: FirstWord;
  onIdle: () => void = () => {};
  othersRespond: () => boolean = () => false;

  constructor(link: ByteLink, clock: Clock, options: TunnelOptions = {}) {
    this.#link = link;
    this.protocol = link.protocol;
    this.#clock = clock;
    this.#firstWord = new FirstWord(clock);
    this.#limits = options.limits ?? tunnelLimits;
    this.#waits = options.waits ?? false;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#outbox = new Outbox(link, options.buffers ?? new FrameBuffers(), this.#limits.sendCap, () =>
      this.#liveness.sent(),
    );
    this.#openings = new Openings(clock, this.#limits.openMs, (stream) => {
      if (this.stalled || !this.#liveness.responsive) return false;
      // It is known to answer: a part of the tunnel is stuck at the server, and would take others too.
      if (this.#frames.answers) this.drain();
      else {
        this.#waits = true;
        options.onUnanswered?.();
      }
      stream.lose(unanswered());
      return true;
    });
    this.#stalls = new Stalls({
      clock,
      limits: this.#limits,
      streams: () => this.#streams.size,
      waiting: (stream) => stream.waiting,
      pause: () => link.pause(),
      resume: () => link.resume(),
      cut: (stream) => stream.lose(lost("its reader stood still and held up others")),
    });
    this.#liveness = new Liveness({
      clock,
      intervalMs: this.#limits.pingIntervalMs,
      ping: (id) => this.#outbox.frames(ping(id)),
      idle: () => this.empty,
      shared: options.liveness,
      sending: () => this.queued > 0,
      // A connection that we paused hears nothing, and one whose bytes a target does not take cannot even ask.
      excused: () => this.stalled || (this.queued > 0 && this.othersRespond()),
      onDoubt: () => (this.empty ? this.#finish(silent()) : this.drain()),
      onDead: () => this.#finish(silent()),
    });
    this.#silence = new TunnelSilence({
      clock,
      ping: (id) => this.#outbox.frames(ping(id)),
      open: (target) => this.open(target),
    });
    this.#frames = new ServerFrames({
      streams: this.#streams,
      stalls: this.#stalls,
      openings: this.#openings,
      outbox: this.#outbox,
      silence: this.#silence,
      onGoAway: () => this.drain(),
    });
    this.#decoder = new SpdyDecoder(this.#frames);
    link.start({
      bytes: (chunk) => this.#received(chunk),
      ended: (error) => this.#finish(error ?? lost("it was closed")),
    });
  }

  get usable(): boolean {
    return this.#state === "open";
  }
  get streams(): number {
    return this.#streams.open;
  }
  get empty(): boolean {
    return this.#streams.size === 0;
  }
  get stalled(): boolean {
    return this.#stalls.paused;
  }
  get queued(): number {
    return this.#outbox.inFlight;
  }
  get responsive(): boolean {
    return this.#state !== "closed" && this.#liveness.responsive;
  }

  open(target: ForwardTarget): ForwardStream {
    if (this.#state !== "open") throw lost("it was closed before");
    const ids = this.#streams.nextIds();
    const stream = new ForwardStream(this, { ...ids, waits: this.#waits }, target);
    this.#streams.add(stream);
    this.#outbox.gather();
    this.#outbox.frames(this.#opener.forward(ids, target.port));
    this.#openings.add(stream);
    this.#liveness.expect();
    // Makes room for a fresh one.
    if (this.#streams.usedUp) this.drain();
    return stream;
  }

  verify(): Promise<void> {
    return this.#state === "closed" ? Promise.resolve() : this.#liveness.verify();
  }

  /** Whether the peer answers a ping in time; the signal ends the waiting. */
  answers(withinMs: number, signal: AbortSignal): Promise<boolean> {
    if (this.#state === "closed") return Promise.resolve(false);
    this.#outbox.frames(ping(1));
    return this.#firstWord.within(withinMs, this.closed, signal);
  }

  drain(): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.onIdle();
    this.#closeWhenEmpty();
  }

  destroy(reason?: ConnectivityError): void {
    this.#finish(reason);
  }

  sendData(streamId: number, bytes: Buffer, later: () => void): boolean {
    return this.#outbox.data(streamId, bytes, later);
  }

  sendFin(streamId: number): void {
    this.#outbox.gather();
    this.#outbox.frames(dataHeader(streamId, 0, true));
  }

  ending(): void {
    this.#streams.ending();
    this.onIdle();
  }

  sendReset(streamId: number): void {
    this.#outbox.gather();
    this.#outbox.frames(rstStream(streamId, statusCancel));
  }

  drained(stream: ForwardStream): void {
    this.#stalls.drained(stream);
  }

  release(stream: ForwardStream): void {
    const known = this.#streams.delete(stream);
    this.#openings.delete(stream);
    this.drained(stream);
    if (!known) return;
    if (stream.leavesBytes) this.drain();
    this.onIdle();
    this.#closeWhenEmpty();
  }

  after(ms: number, run: () => void): Disposable {
    return this.#clock.after(ms, run);
  }

  reached(stream: ForwardStream, signal: AbortSignal): Promise<void> {
    return this.#silence.reached(stream, signal);
  }

  #received(chunk: Buffer): void {
    if (this.#state === "closed") return;
    this.#liveness.heard();
    this.#decoder.push(chunk);
    this.#firstWord.heard();
  }

  #closeWhenEmpty(): void {
    if (this.#state !== "draining" || this.#streams.size > 0) return;
    this.#outbox.frames(goAway(0));
    this.#finish(undefined, true);
  }

  #finish(cause: ConnectivityError | undefined, politely = false): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#liveness[Symbol.dispose]();
    this.#openings[Symbol.dispose]();
    if (politely) this.#link.end();
    else this.#link.destroy();
    const streams = this.#streams.all();
    this.#streams.clear();
    this.#stalls[Symbol.dispose]();
    for (const stream of streams) stream.lose(cause ?? lost("it was closed on our side"));
    this.#outbox.close();
    this.#settle(cause);
    this.onIdle();
  }
}
