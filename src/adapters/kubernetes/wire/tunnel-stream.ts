import { Duplex } from "node:stream";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { type ByteSource, streamSource } from "../../net/byte-source.ts";
import type { DirectStream } from "../../net/direct-stream.ts";
import type { EagerStream } from "#application/ports/forward-driver.ts";
import { Delivery } from "./delivery.ts";
import { FarEnd } from "./far-end.ts";
import type { ForwardTarget } from "./forward-error.ts";
import { LateEnd } from "./late-end.ts";
import { SentBytes } from "./sent-bytes.ts";
import type { StreamHost, StreamOptions } from "./stream-host.ts";

const highWaterMark = 65_536;

/**
 * One forwarded TCP connection: a data stream and an error stream of a SPDY connection as a Duplex (see `TunnelStream`).
 * A refusal by the target comes as an `error`, since streams are opened without waiting for an answer.
 */
export class ForwardStream extends Duplex implements DirectStream, EagerStream {
  readonly errorId: number;
  readonly dataId: number;
  /** Our input has ended; the host was told. */
  ends = false;
  /** Whether the server has said anything about it. */
  known = false;
  readonly target: ForwardTarget;
  readonly #host: StreamHost;
  readonly #delivery: Delivery;
  readonly #sent = new SentBytes();
  readonly #farEnd: FarEnd;
  readonly #lateEnd: LateEnd | undefined;
  /** What waits for the server's answer to the opening. */
  #held: (() => void) | undefined;
  #waits: boolean;
  #localEnded = false;
  #finSent = false;
  #remoteEnded = false;

  constructor(host: StreamHost, { errorId, dataId, waits }: StreamOptions, target: ForwardTarget) {
    super({ allowHalfOpen: true, autoDestroy: true, emitClose: true, highWaterMark });
    this.errorId = errorId;
    this.dataId = dataId;
    this.#host = host;
    this.#waits = waits;
    this.target = target;
    this.#delivery = new Delivery({
      receiver: (bytes, tenure) => this.push(tenure === "owned" ? bytes : Buffer.from(bytes)),
      onEmpty: () => host.drained(this),
      onEnd: () => {
        this.push(null);
        // A direct reader does not read the stream itself: let it see the end.
        if (this.readableFlowing === null && this.#delivery.asked) this.resume();
      },
    });
    this.#farEnd = new FarEnd({
      target,
      after: (ms, run) => host.after(ms, run),
      // While the tunnel is not read silence says nothing, unless something came before: then the target was reached.
      deaf: () => host.stalled && this.#delivery.empty,
      onKnown: () => this.#settle(),
    });
    if (target.endCuts === true) {
      this.#lateEnd = new LateEnd({
        after: (ms, run) => host.after(ms, run),
        behind: () => this.readableLength > 0 || !this.#delivery.empty,
        send: () => this.#sendFin(),
      });
    }
    // A stream that nobody listens to any more must not take the process down when its tunnel breaks.
    this.on("error", () => {});
  }

  /** Its end has come, if only the first part of it. */
  get over(): boolean {
    return this.#farEnd.dataEnded || this.#farEnd.explained;
  }

  /** Whether bytes of ours may lie unread on the server's side after the end. */
  get leavesBytes(): boolean {
    return this.#sent.mayBeLeft;
  }

  /** Bytes of memory that wait for the reader. */
  get waiting(): number {
    return this.#delivery.waiting;
  }

  /** The server has taken the opening. */
  replied(): void {
    this.known = true;
    this.#waits = false;
    this.#held?.();
    this.#held = undefined;
    this.emit("known");
  }

  reached(signal: AbortSignal): Promise<void> {
    return this.#host.reached(this, signal);
  }

  /** @param bytes valid until it returns. @returns bytes of memory that wait for the reader */
  receive(bytes: Buffer): number {
    if (this.destroyed || this.#remoteEnded) return 0;
    this.known = true;
    this.#sent.answered();
    this.#lateEnd?.heard();
    this.#delivery.receive(bytes);
    return this.#delivery.waiting;
  }

  /** The target sent its last byte, or was never reached: the error stream tells which. */
  remoteEnd(): void {
    this.#hear("fin");
  }

  remoteReset(): void {
    // After its end of output a reset only says that it takes no more input: what it sent must still reach the reader.
    if (this.#remoteEnded) {
      this.#localEnded = true;
      this.#finSent = true;
      this.#closeAfterEnd();
    } else this.#hear("reset");
  }

  receiveError(bytes: Buffer): void {
    this.#farEnd.say(bytes);
  }

  errorEnd(): void {
    if (this.#farEnd.explained && !this.#finSent) this.#sent.cutShort();
    this.#farEnd.endText();
  }

  /** The tunnel is gone. An exchange that is complete stays readable. */
  lose(error: ConnectivityError): void {
    this.#settle();
    if (this.#localEnded && this.#remoteEnded) return;
    this.destroy(error);
  }

  writeShared(bytes: Buffer): boolean {
    if (this.#waits || this.writableLength > 0 || this.writableEnded) return this.write(Buffer.from(bytes));
    return this.#send(bytes, () => this.emit("drain"));
  }

  unattended(): void {
    if (this.writableFinished) this.#sendFin();
    else if (this.writableEnded) this.once("finish", () => this.#sendFin());
  }

  source(): ByteSource {
    // Somebody has read it already.
    if (this.#delivery.asked || this.readableFlowing !== null) return streamSource(this);
    return {
      stream: this,
      bursts: true,
      receive: (receiver) => this.#delivery.redirect(receiver),
      resume: () => {
        this.#delivery.ask();
        // Nothing is in its own queue: only the end is waited for.
        if (this.#delivery.endPassed) this.resume();
      },
    };
  }

  #hear(last: "fin" | "reset"): void {
    if (this.destroyed || this.#remoteEnded) return;
    if (!this.#finSent) this.#sent.cutShort();
    this.#farEnd.hear(last);
  }

  /** Takes the far side's end for what it means, if it has come. */
  #settle(): void {
    if (this.destroyed || this.#remoteEnded) return;
    this.#farEnd[Symbol.dispose]();
    const { verdict } = this.#farEnd;
    if (verdict === undefined) return;
    if (verdict !== "end") {
      this.destroy(verdict);
      return;
    }
    this.#remoteEnded = true;
    // Nothing more comes: a reader that is behind holds nobody up.
    this.#host.drained(this);
    this.#delivery.end();
    if (this.#localEnded) this.#sendFin();
    // Where our end would cut, theirs did.
    else if (this.#lateEnd !== undefined) this.#closeAfterEnd();
  }

  /** Nobody takes our bytes any more: once the reader has seen the end it is over, and who goes on sending is told so. */
  #closeAfterEnd(): void {
    if (this.readableEnded) this.end();
    else this.once("end", () => this.end());
  }

  override _read(): void {
    this.#delivery.ask();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const send = (): void => {
      if (this.#send(chunk, done)) done();
    };
    if (this.#waits) this.#held = send;
    else send();
  }

  /** @returns whether more may come at once; otherwise `later` is called when it may */
  #send(bytes: Buffer, later: () => void): boolean {
    if (this.#localEnded || this.destroyed) return true;
    // Where our end would cut, theirs did: nobody is there to take it.
    if (this.#farEnd.dataEnded && this.#lateEnd !== undefined) return true;
    this.#lateEnd?.wrote();
    this.#sent.sent(bytes.length);
    return this.#host.sendData(this.dataId, bytes, later);
  }

  override _final(done: () => void): void {
    this.#localEnded = true;
    if (!this.destroyed) {
      this.ends = true;
      this.#host.ending();
    }
    if (this.#remoteEnded || this.#lateEnd === undefined) this.#sendFin();
    else this.#lateEnd.begin();
    done();
  }

  #sendFin(): void {
    this.#lateEnd?.[Symbol.dispose]();
    if (!this.#finSent && !this.destroyed) this.#host.sendFin(this.dataId);
    this.#finSent = true;
    if (this.#remoteEnded) this.#host.release(this);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#lateEnd?.[Symbol.dispose]();
    if (!(this.#finSent && this.#remoteEnded)) {
      this.#host.sendReset(this.dataId);
      if (!this.#farEnd.textEnded) this.#host.sendReset(this.errorId);
    }
    this.#farEnd[Symbol.dispose]();
    this.#held = undefined;
    this.#delivery.clear();
    this.#host.release(this);
    done(error);
  }
}
