import { Duplex } from "node:stream";
import type { ClientChannel } from "ssh2";
import type { ByteSource, Receiver } from "#adapters/net/byte-source.ts";
import type { DirectStream } from "#adapters/net/direct-stream.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Reads } from "./reused-reads.ts";

/** Small: what a server may send ahead is bounded by the SSH window (2 MiB) behind it. */
const highWaterMark = 64 * 1024;

/** Private to ssh2 (Channel.js): `open`, then `eof` on CHANNEL_EOF, then `closed` on CHANNEL_CLOSE or a lost connection. */
type ChannelState = "open" | "eof" | "closing" | "closed";
interface Incoming {
  readonly id: number;
  readonly packetSize: number;
  window: number;
  state: ChannelState;
}
interface ChannelInternals {
  readonly outgoing: { readonly window: number };
  incoming: Incoming;
}

/** In the place of ssh2's own: it emits nothing at CLOSE until all data was read, but a pending write has to know at once. */
class ObservedIncoming implements Incoming {
  readonly id: number;
  readonly packetSize: number;
  window: number;
  #state: ChannelState;
  readonly #onChange: (state: ChannelState) => void;

  constructor({ id, packetSize, window, state }: Incoming, onChange: (state: ChannelState) => void) {
    this.id = id;
    this.packetSize = packetSize;
    this.window = window;
    this.#state = state;
    this.#onChange = onChange;
  }

  get state(): ChannelState {
    return this.#state;
  }
  set state(next: ChannelState) {
    this.#state = next;
    this.#onChange(next);
  }
}

/** What a stream needs of its connection. */
export interface ChannelOwner {
  /** The memory that what comes lies in. */
  readonly reads: Reads;
  /** The connection's socket has not sent all that it was given. */
  readonly full: boolean;
  /** Calls back when the connection's socket takes more: ssh2 itself writes to it without looking. */
  whenWritable(callback: () => void): void;
}

/**
 * A forwarded connection as a `TunnelStream`, over a channel of ssh2, whose own Duplex lies in four ways: after the
 * server's CLOSE a write never completes, a CLOSE without EOF looks like a clean end, a lost connection too, and its
 * `destroy()` takes no error. What arrives is taken before that Duplex would queue it: read as from any stream, or lent.
 *
 * After the server's CLOSE, what it sent is still delivered; writes are dropped. Then the stream ends cleanly if the
 * target had ended and nothing was dropped, else with `connection_lost`.
 */
export class ChannelStream extends Duplex implements DirectStream {
  readonly #channel: ClientChannel;
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

  constructor(channel: ClientChannel, owner: ChannelOwner) {
    super({ allowHalfOpen: true, highWaterMark });
    this.#channel = channel;
    this.#owner = owner;
    const internals = channel as unknown as ChannelInternals;
    internals.incoming = new ObservedIncoming(internals.incoming, (state) => this.#stateChanged(state));
    // Instead of queueing it, with the same answer: whether the server may send more already.
    channel.push = (chunk: Buffer | null): boolean => this.#arrived(chunk);
    channel.on("error", () => this.destroy(reset("the SSH connection broke its protocol")));
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
    else this.#channel._read(0);
  }

  #stateChanged(state: ChannelState): void {
    if (state === "eof") this.#targetEnded = true;
    if (state === "closed") this.#onServerClosed();
  }

  #arrived(chunk: Buffer | null): boolean {
    if (chunk === null) {
      if (this.#inputOver) return false;
      this.#inputOver = true;
      if (!this.#held) this.#endInput();
      return false;
    }
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

  #onServerClosed(): void {
    this.#serverClosed = true;
    if (this.#settleWrite) {
      this.#dropped = true;
      this.#settleWrite();
    }
    // After this turn, so that ssh2 first says that nothing more comes.
    setImmediate(() => this.#finishAfterClose());
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
    if (!this.#lending && !this.#inputOver) this.#channel._read(0);
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
    const channel = this.#channel as ClientChannel & ChannelInternals;
    // ssh2 copies what the window has room for into packets, and would keep the rest.
    const ready =
      this.#settleWrite === undefined &&
      this.writableLength === 0 &&
      channel.writableLength === 0 &&
      channel.outgoing.window >= bytes.length &&
      !(this.#serverClosed || this.writableEnded || this.destroyed || this.#owner.full);
    if (!ready) return this.write(Buffer.from(bytes));
    channel.write(bytes);
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

const reset = (message: string): ConnectivityError =>
  new ConnectivityError("connection_lost", message, { reset_by: "target" });
