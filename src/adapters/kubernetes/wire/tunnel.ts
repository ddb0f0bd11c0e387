import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { ByteLink } from "./byte-link.ts";
import type { ForwardTarget } from "./forward-error.ts";
import { Liveness } from "./liveness.ts";
import { brokenProtocol, SpdyDecoder, type FrameSink } from "./spdy-decoder.ts";
import { dataHeader, goAway, ping, rstStream, statusCancel, statusRefused, StreamOpener } from "./spdy-frames.ts";
import { tunnelLimits, type TunnelLimits } from "./tunnel-limits.ts";
import { ForwardStream, type StreamHost } from "./tunnel-stream.ts";

/** Longer writes are cut, so that the streams of a tunnel take turns. */
const maxFrame = 65_536;

/**
 * One upgraded connection to one pod with its table of streams: forwarded connections come and go on it, to any port of
 * the pod. It ends by itself when the peer is silent, breaks the protocol or closes; `closed` then tells the cause.
 */
export class Tunnel implements StreamHost, FrameSink {
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly protocol: string;
  readonly #link: ByteLink;
  readonly #clock: Clock;
  readonly #limits: TunnelLimits;
  readonly #decoder = new SpdyDecoder(this);
  readonly #opener = new StreamOpener();
  readonly #streams = new Map<number, ForwardStream>();
  readonly #stalled = new Set<ForwardStream>();
  readonly #waiting: (() => void)[] = [];
  #state: "open" | "draining" | "closed" = "open";
  #settle!: (cause: ConnectivityError | undefined) => void;
  #nextStreamId = 1;
  #requestId = 0;
  #inFlight = 0;
  #releasing = false;
  readonly #liveness: Liveness;
  /** Called whenever the number of streams falls or the tunnel begins to drain. */
  onIdle: () => void = () => {};

  constructor(link: ByteLink, clock: Clock, limits: TunnelLimits = tunnelLimits) {
    this.#link = link;
    this.protocol = link.protocol;
    this.#clock = clock;
    this.#limits = limits;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#liveness = new Liveness({
      clock,
      intervalMs: limits.pingIntervalMs,
      ping: (id) => this.#send(ping(id)),
      paused: () => this.stalled,
      sending: () => this.#inFlight > 0,
      onDead: () => this.#finish(lost("the cluster no longer answers")),
    });
    link.start({
      bytes: (chunk) => this.#received(chunk),
      ended: (error) => this.#finish(error ?? lost("it was closed")),
    });
  }

  /** Whether new streams may be opened. */
  get usable(): boolean {
    return this.#state === "open";
  }

  /** Open streams, each counted once. */
  get streams(): number {
    return this.#streams.size / 2;
  }

  /** A reader of one of its streams is behind, so that the connection stands still. */
  get stalled(): boolean {
    return this.#stalled.size > 0;
  }

  /** Bytes that wait to be sent: a measure of how busy its up direction is. */
  get queued(): number {
    return this.#inFlight;
  }

  /**
   * Opens a connection to a port of the pod without waiting for the answer.
   * @throws ConnectivityError `connection_lost` when the tunnel takes no more
   */
  open(target: ForwardTarget): ForwardStream {
    if (this.#state !== "open") throw lost("it was closed before");
    const ids = { errorId: this.#nextStreamId, dataId: this.#nextStreamId + 2 };
    this.#nextStreamId += 4;
    const headers = { port: String(target.port), requestid: String(this.#requestId++) };
    const stream = new ForwardStream(this, ids, target);
    this.#streams.set(ids.errorId, stream);
    this.#streams.set(ids.dataId, stream);
    this.#link.gather();
    this.#send(
      Buffer.concat([
        this.#opener.synStream(ids.errorId, { streamtype: "error", ...headers }),
        dataHeader(ids.errorId, 0, true),
        this.#opener.synStream(ids.dataId, { streamtype: "data", ...headers }),
      ]),
    );
    // Ids are 31 bits; a tunnel that used them up makes room for a fresh one.
    if (this.#nextStreamId > 0x7fff_0000) this.drain();
    return stream;
  }

  /** Takes no new streams and closes when the last one has ended. */
  drain(): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.onIdle();
    this.#closeWhenEmpty();
  }

  /** Cuts; its streams fail with the reason, or `connection_lost`. */
  destroy(reason?: ConnectivityError): void {
    this.#finish(reason);
  }

  sendData(streamId: number, chunk: Buffer, done: () => void): void {
    for (let at = 0; at < chunk.length || at === 0; at += maxFrame) {
      const part = chunk.length <= maxFrame ? chunk : chunk.subarray(at, at + maxFrame);
      this.#send(dataHeader(streamId, part.length, false), part);
    }
    if (this.#inFlight < this.#limits.sendCap) done();
    else this.#waiting.push(done);
  }

  sendFin(streamId: number): void {
    this.#send(dataHeader(streamId, 0, true));
  }

  sendReset(streamId: number): void {
    if (this.#state !== "closed") this.#send(rstStream(streamId, statusCancel));
  }

  drained(stream: ForwardStream): void {
    if (this.#stalled.delete(stream) && this.#stalled.size === 0) this.#link.resume();
  }

  release(stream: ForwardStream): void {
    const known = this.#streams.delete(stream.dataId);
    this.#streams.delete(stream.errorId);
    this.drained(stream);
    if (!known) return;
    this.onIdle();
    this.#closeWhenEmpty();
  }

  after(ms: number, run: () => void): Disposable {
    return this.#clock.after(ms, run);
  }

  data(streamId: number, bytes: Buffer): void {
    const stream = this.#find(streamId);
    if (stream === undefined) return;
    if (streamId === stream.errorId) stream.receiveError(bytes);
    else if (stream.receive(bytes) > this.#limits.receiveCap) {
      this.#stalled.add(stream);
      this.#link.pause();
    }
  }

  fin(streamId: number): void {
    const stream = this.#find(streamId);
    if (stream?.errorId === streamId) stream.errorEnd();
    else stream?.remoteEnd();
  }

  reset(streamId: number): void {
    const stream = this.#find(streamId);
    if (stream?.errorId === streamId) stream.errorEnd();
    else stream?.remoteReset();
  }

  ping(id: number): void {
    // Ours are odd: an answer, which `#received` has counted already.
    if (id % 2 === 0) this.#send(ping(id));
  }

  goAway(): void {
    this.drain();
  }

  opened(streamId: number): void {
    if (streamId === 0 || streamId % 2 === 1) throw brokenProtocol("the server opened a stream with one of our ids");
    this.#send(rstStream(streamId, statusRefused));
  }

  /** Late frames of streams that ended are normal; frames of streams that never were are not. */
  #find(streamId: number): ForwardStream | undefined {
    const stream = this.#streams.get(streamId);
    if (stream === undefined && (streamId % 2 === 0 || streamId >= this.#nextStreamId)) {
      throw brokenProtocol("a frame names a stream that was never opened");
    }
    return stream;
  }

  #received(chunk: Buffer): void {
    if (this.#state === "closed") return;
    this.#liveness.heard();
    this.#decoder.push(chunk);
  }

  #send(header: Buffer, payload?: Buffer): void {
    if (this.#state === "closed") return;
    const bytes = header.length + (payload?.length ?? 0);
    this.#inFlight += bytes;
    this.#link.write(header, payload, () => {
      this.#inFlight -= bytes;
      this.#liveness.sent();
      this.#letWritersOn();
    });
  }

  /** First come, first served: each writer sends one chunk and queues again. */
  #letWritersOn(): void {
    if (this.#releasing) return;
    this.#releasing = true;
    while (this.#waiting.length > 0 && this.#inFlight < this.#limits.sendCap) this.#waiting.shift()?.();
    this.#releasing = false;
  }

  #closeWhenEmpty(): void {
    if (this.#state !== "draining" || this.#streams.size > 0) return;
    this.#send(goAway(0));
    this.#finish(undefined, true);
  }

  #finish(cause: ConnectivityError | undefined, politely = false): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#liveness[Symbol.dispose]();
    if (politely) this.#link.end();
    else this.#link.destroy();
    const streams = new Set(this.#streams.values());
    this.#streams.clear();
    this.#stalled.clear();
    for (const stream of streams) stream.lose(cause ?? lost("it was closed on our side"));
    for (const done of this.#waiting.splice(0)) done();
    this.#settle(cause);
    this.onIdle();
  }
}

const lost = (why: string): ConnectivityError =>
  new ConnectivityError("connection_lost", `the tunnel to the pod is gone: ${why}`);
