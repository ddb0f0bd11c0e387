import { Duplex } from "node:stream";
import type { ClientChannel } from "ssh2";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** Small: ssh2's channel has its own buffers (2 MiB each way, bounded by the SSH window) behind these. */
const highWaterMark = 64 * 1024;

/** Private to ssh2 (Channel.js): `open`, then `eof` on CHANNEL_EOF, then `closed` on CHANNEL_CLOSE or a lost connection. */
interface ChannelInternals {
  readonly incoming: { state: "open" | "eof" | "closing" | "closed" };
}

/** What a stream needs of its connection. */
export interface ChannelOwner {
  /** Calls back when the connection's socket takes more: ssh2 itself writes to it without looking. */
  whenWritable(callback: () => void): void;
}

/**
 * A forwarded connection as a `TunnelStream`, over a channel of ssh2, whose own Duplex lies in four ways: after the
 * server's CLOSE a write never completes, a CLOSE without EOF looks like a clean end, a lost connection too, and its
 * `destroy()` takes no error.
 *
 * After the server's CLOSE, what it sent is still delivered; writes are dropped. Then the stream ends cleanly if the
 * target had ended and nothing was dropped, else with `connection_lost`.
 */
export class ChannelStream extends Duplex {
  readonly #channel: ClientChannel;
  readonly #owner: ChannelOwner;
  /** The target ended its output, in so many words. */
  #targetEnded = false;
  #serverClosed = false;
  #dropped = false;
  /** All that the server sent has been passed on. */
  #drained = false;
  #settleWrite: (() => void) | undefined;

  constructor(channel: ClientChannel, owner: ChannelOwner) {
    super({ allowHalfOpen: true, highWaterMark });
    this.#channel = channel;
    this.#owner = owner;
    this.#observeState();
    channel.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.on("end", () => this.#onDrained());
    channel.on("error", () => this.destroy(reset("the SSH connection broke its protocol")));
    channel.pause();
    this.once("end", () => this.#finishAfterClose());
    // A lost bastion must not take the process down through a stream that its owner has forgotten.
    this.on("error", () => {});
  }

  /** ssh2 emits nothing at EOF or CLOSE until all data was read, but a pending write has to know at once. */
  #observeState(): void {
    const { incoming } = this.#channel as unknown as ChannelInternals;
    let { state } = incoming;
    Object.defineProperty(incoming, "state", {
      configurable: true,
      get: () => state,
      set: (next: typeof state) => {
        state = next;
        if (next === "eof") this.#targetEnded = true;
        if (next === "closed") this.#onServerClosed();
      },
    });
  }

  #onServerClosed(): void {
    this.#serverClosed = true;
    if (this.#settleWrite) {
      this.#dropped = true;
      this.#settleWrite();
    }
    // After this turn, so that ssh2 first ends the channel's readable side.
    setImmediate(() => this.#finishAfterClose());
  }

  #onDrained(): void {
    this.#drained = true;
    if (this.#targetEnded) this.push(null);
    else this.#finishAfterClose();
  }

  /** Once the server closed the channel and the reader has everything, the stream is over. */
  #finishAfterClose(): void {
    if (!this.#serverClosed || !this.#drained || this.destroyed) return;
    if (this.readableEnded)
      this.destroy(this.#dropped ? reset("the target closed while it was written to") : undefined);
    else if (!this.#targetEnded && this.readableLength === 0) this.destroy(reset("the target reset the connection"));
  }

  /** Overridden to see the moment when the last buffered byte before a reset has been taken. */
  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    if (this.#drained && !this.#targetEnded && this.readableLength === 0) {
      setImmediate(() => this.#finishAfterClose());
    }
    return chunk;
  }

  override _read(): void {
    this.#channel.resume();
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

  override _final(callback: (error?: Error | null) => void): void {
    if (!this.#serverClosed) this.#channel.end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#settleWrite = undefined;
    this.#channel.removeAllListeners("data");
    this.#channel.pause();
    // CHANNEL_CLOSE at once, ahead of what is still buffered; without effect when the server was first.
    this.#channel.close();
    callback(error);
  }
}

const reset = (message: string): ConnectivityError =>
  new ConnectivityError("connection_lost", message, { reset_by: "target" });
