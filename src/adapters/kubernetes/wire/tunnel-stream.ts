import { Duplex } from "node:stream";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { forwardError, resetByTarget, type ForwardTarget } from "./forward-error.ts";

/** What a stream asks of the tunnel that carries it. */
export interface StreamHost {
  /** Sends bytes; `done` when the next may come. */
  sendData(streamId: number, chunk: Buffer, done: () => void): void;
  sendFin(streamId: number): void;
  sendReset(streamId: number): void;
  /** The reader has taken what was buffered. */
  drained(stream: ForwardStream): void;
  after(ms: number, run: () => void): Disposable;
  /** The stream is over; its ids mean nothing any more. */
  release(stream: ForwardStream): void;
}

const highWaterMark = 65_536;
/** containerd ends the data stream up to 10 ms before it says on the error stream that the target refused. */
const errorTextMs = 100;
/** An error text beyond this tells nothing more. */
const maxErrorText = 4096;
/**
 * How long the pod may be silent after our end of input before that end is sent, where the end cuts (`endCuts`): an answer
 * that is still to come is waited for, one that has begun may pause.
 */
const answerWaitMs = 10_000;
const pauseMs = 1000;
/** Small writes that wait together leave as one frame up to this. */
const gatherLimit = 65_536;

/**
 * One forwarded TCP connection: a data stream and an error stream of a SPDY connection as a Duplex (see `TunnelStream`).
 * A refusal by the target comes as an `error`, since streams are opened without waiting for an answer.
 */
export class ForwardStream extends Duplex {
  readonly errorId: number;
  readonly dataId: number;
  readonly #host: StreamHost;
  readonly #target: ForwardTarget;
  #localEnded = false;
  #finSent = false;
  #remoteEnded = false;
  /** What was sent last has been answered, at least in part. */
  #answered = true;
  /** Something came since the silence began to be measured. */
  #heard = false;
  #silence: Disposable | undefined;
  #errorText = "";
  #errorEnded = false;
  /** The data stream's last frame, while the error stream may still explain it. */
  #last: "fin" | "reset" | undefined;
  #hold: Disposable | undefined;

  constructor(host: StreamHost, ids: { readonly errorId: number; readonly dataId: number }, target: ForwardTarget) {
    super({ allowHalfOpen: true, autoDestroy: true, emitClose: true, highWaterMark });
    this.errorId = ids.errorId;
    this.dataId = ids.dataId;
    this.#host = host;
    this.#target = target;
    // A stream that nobody listens to any more must not take the process down when its tunnel breaks.
    this.on("error", () => {});
  }

  /** @returns the bytes that wait for the reader */
  receive(bytes: Buffer): number {
    if (this.destroyed || this.#remoteEnded) return 0;
    this.#answered = true;
    this.#heard = true;
    this.push(bytes);
    return this.readableLength;
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
    } else this.#hear("reset");
  }

  receiveError(bytes: Buffer): void {
    this.#errorText += bytes.toString("utf8").slice(0, maxErrorText - this.#errorText.length);
  }

  errorEnd(): void {
    this.#errorEnded = true;
    this.#settle();
  }

  /** The tunnel is gone. An exchange that is complete stays readable. */
  lose(error: ConnectivityError): void {
    this.#settle();
    if (this.#localEnded && this.#remoteEnded) return;
    this.destroy(error);
  }

  #hear(last: "fin" | "reset"): void {
    if (this.destroyed || this.#remoteEnded) return;
    this.#last = last;
    if (this.#errorEnded) this.#settle();
    else this.#hold ??= this.#host.after(errorTextMs, () => this.#settle());
  }

  /** What the data stream's last frame means is known once the error stream has ended, or stays silent. */
  #settle(): void {
    if (this.destroyed || this.#remoteEnded) return;
    this.#hold?.[Symbol.dispose]();
    if (this.#errorText !== "") this.destroy(forwardError(this.#errorText, this.#target));
    else if (this.#last === "reset") this.destroy(resetByTarget(this.#target));
    else if (this.#last === "fin") {
      this.#remoteEnded = true;
      this.push(null);
      if (this.#localEnded) this.#sendFin();
    }
  }

  override _read(): void {
    this.#host.drained(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#write(chunk, done);
  }

  #write(chunk: Buffer, done: () => void): void {
    this.#answered = false;
    if (this.#localEnded) done();
    else this.#host.sendData(this.dataId, chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    const batches: Buffer[] = [];
    let batch: Buffer[] = [];
    let size = 0;
    for (const { chunk } of chunks) {
      if (size + chunk.length > gatherLimit && batch.length > 0) {
        batches.push(Buffer.concat(batch));
        batch = [];
        size = 0;
      }
      batch.push(chunk);
      size += chunk.length;
    }
    batches.push(batch.length === 1 ? (batch[0] as Buffer) : Buffer.concat(batch));
    const next = (): void => {
      const first = batches.shift();
      if (first === undefined || this.destroyed) done();
      else this.#write(first, next);
    };
    next();
  }

  override _final(done: () => void): void {
    this.#localEnded = true;
    if (this.#remoteEnded || this.#target.endCuts !== true) this.#sendFin();
    else this.#sendFinAfterSilence(this.#answered ? pauseMs : answerWaitMs);
    done();
  }

  #sendFinAfterSilence(ms: number): void {
    this.#heard = false;
    this.#silence = this.#host.after(ms, () => {
      // With a reader that is behind the silence is ours.
      if (this.#heard || this.readableLength > 0) this.#sendFinAfterSilence(pauseMs);
      else this.#sendFin();
    });
  }

  #sendFin(): void {
    this.#silence?.[Symbol.dispose]();
    if (!this.#finSent && !this.destroyed) this.#host.sendFin(this.dataId);
    this.#finSent = true;
    if (this.#remoteEnded) this.#host.release(this);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#silence?.[Symbol.dispose]();
    if (!(this.#finSent && this.#remoteEnded)) {
      this.#host.sendReset(this.dataId);
      if (!this.#errorEnded) this.#host.sendReset(this.errorId);
    }
    this.#hold?.[Symbol.dispose]();
    this.#host.release(this);
    done(error);
  }
}
