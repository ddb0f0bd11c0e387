import { Duplex } from "node:stream";
import type { ByteSource, Receiver } from "#adapters/net/byte-source.ts";
import type { DirectStream } from "#adapters/net/direct-stream.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Channel, ChannelUser } from "./channel.ts";
import type { Reads } from "./reused-reads.ts";

/** Small: what a server may send ahead is bounded by the SSH window (2 MiB) behind it. */
const highWaterMark = 64 * 1024;

/** What a stream needs of its connection. */
export interface ChannelOwner {
  /** The memory that what comes lies in. */
  readonly reads: Reads;
  /** The connection's socket has not sent all that it was given. */
  readonly full: boolean;
  /** Calls back when the connection's socket takes more: a channel writes to it without looking. */
  whenWritable(callback: () => void): void;
}

/**
 * A forwarded connection as a `TunnelStream`, over a channel. What arrives is read as from any stream, or lent.
 *
 * After the server's CLOSE, what it sent is still delivered; writes are dropped. Then the stream ends cleanly if the
 * target had ended and nothing was dropped, else with `connection_lost`.
 */
export class ChannelStream extends Duplex implements DirectStream, ChannelUser {
  readonly #channel: Channel;
  readonly #owner: ChannelOwner;
  /** The target ended its output, in so many words. */
  #targetEnded = false;
  #serverClosed = false;
  #dropped = false;
  /** Nothing more comes. */
  #inputOver = false;
  #settleWrite: (() => void) | undefined;
  #lending: { receiver: Receiver; keeps: boolean } | undefined;
  /** The receiver takes no more until it says so; what comes waits here. */
  #stopped = true;
  #waiting: Buffer[] = [];
  #giveBack: (() => void) | undefined;

  constructor(channel: Channel, owner: ChannelOwner) {
    super({ allowHalfOpen: true, highWaterMark });
    this.#channel = channel;
    this.#owner = owner;
    channel.user = this;
    this.once("end", () => this.#finishAfterClose());
    // A lost bastion must not take the process down through a stream that its owner has forgotten.
    this.on("error", () => {});
  }

  source(): ByteSource {
    return {
      stream: this,
      receive: (receiver, keeps) => this.#lendTo(receiver, keeps),
      resume: () => this.#takeMore(),
    };
  }

  /** SSH passes an end on at once: none is held back. */
  unattended(): void {}

  #lendTo(receiver: Receiver, keeps: boolean): void {
    this.#lending = { receiver, keeps };
    for (let early = super.read() as Buffer | null; early; early = super.read() as Buffer | null) {
      this.#waiting.push(early);
    }
  }

  #takeMore(): void {
    this.#giveBack?.();
    this.#giveBack = undefined;
    this.#stopped = false;
    // For its end: there is no data in it any more.
    this.resume();
    while (!this.#stopped) {
      const chunk = this.#waiting.shift();
      if (!chunk) break;
      this.#stopped = this.#lending?.receiver(chunk, "owned") === false;
    }
    if (this.#stopped || this.destroyed) return;
    if (this.#inputOver) this.#endInput();
    else this.#channel.resume();
  }

  onData(chunk: Buffer): boolean {
    // After its end, a server has nothing to say.
    if (this.#inputOver) this.onBroken();
    if (this.destroyed) return true;
    const lending = this.#lending;
    if (!lending) {
      this.#owner.reads.retain(chunk);
      return this.push(chunk);
    }
    const { reads } = this.#owner;
    if (this.#stopped) {
      // A copy: a small piece must not keep all that was read with it.
      this.#waiting.push(Buffer.from(chunk));
      reads.release(chunk);
      return false;
    }
    this.#stopped = !(lending.keeps ? lending.receiver(chunk, "lent") : lending.receiver(Buffer.from(chunk), "owned"));
    if (this.#stopped && lending.keeps) this.#giveBack = reads.retain(chunk);
    else reads.release(chunk);
    return !this.#stopped;
  }

  /** The receiver has not taken all that came, or not asked for more since: the end waits for it. */
  get #held(): boolean {
    return this.#waiting.length > 0 || (this.#lending !== undefined && this.#stopped);
  }

  onEnd(): void {
    if (this.#inputOver) return;
    this.#targetEnded = true;
    this.#inputOver = true;
    if (!this.#held) this.#endInput();
  }

  onClose(): void {
    this.#serverClosed = true;
    this.#inputOver = true;
    if (this.#settleWrite) {
      this.#dropped = true;
      this.#settleWrite();
    }
    this.#finishAfterClose();
  }

  onBroken(): void {
    this.destroy(reset("the SSH connection broke its protocol"));
  }

  #endInput(): void {
    if (this.#targetEnded) this.push(null);
    else this.#finishAfterClose();
  }

  /** Once the server closed the channel and the reader has everything, the stream is over. */
  #finishAfterClose(): void {
    if (!this.#serverClosed || !this.#inputOver || this.#held || this.destroyed) return;
    if (this.readableEnded)
      this.destroy(this.#dropped ? reset("the target closed while it was written to") : undefined);
    else if (!this.#targetEnded && this.readableLength === 0) this.destroy(reset("the target reset the connection"));
  }

  /** Overridden to see the moment when the last buffered byte before a reset has been taken. */
  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    if (this.#inputOver && !this.#targetEnded && this.readableLength === 0) {
      setImmediate(() => this.#finishAfterClose());
    }
    return chunk;
  }

  override _read(): void {
    if (!this.#lending && !this.#inputOver) this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.#serverClosed) {
      this.#dropped = true;
      callback();
      return;
    }
    const settle = (): void => {
      if (this.#settleWrite !== settle) return;
      this.#settleWrite = undefined;
      callback();
    };
    this.#settleWrite = settle;
    this.#channel.write(chunk, () => this.#owner.whenWritable(settle));
  }

  writeShared(bytes: Buffer): boolean {
    // The channel copies what the window has room for into packets, and would keep the rest.
    const ready =
      this.#settleWrite === undefined &&
      this.writableLength === 0 &&
      this.#channel.hasRoomFor(bytes.length) &&
      !(this.#serverClosed || this.writableEnded || this.destroyed || this.#owner.full);
    if (!ready) return this.write(Buffer.from(bytes));
    this.#channel.write(bytes, sentAlready);
    return true;
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (!this.#serverClosed) this.#channel.end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#settleWrite = undefined;
    this.#waiting = [];
    // Not given back: who it is lent to may be writing it still.
    this.#giveBack = undefined;
    // CHANNEL_CLOSE at once, ahead of what is still buffered; without effect when the server was first.
    this.#channel.close();
    callback(error);
  }
}

const sentAlready = (): void => undefined;

const reset = (message: string): ConnectivityError =>
  new ConnectivityError("connection_lost", message, { reset_by: "target" });
