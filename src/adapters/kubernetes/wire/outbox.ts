import type { ByteLink } from "./byte-link.ts";
import { brokenProtocol } from "./spdy-decoder.ts";
import { frameHeaderLength, writeDataHeader } from "./spdy-frames.ts";
import type { FrameBuffers } from "./frame-buffers.ts";

/** Longer writes are cut, so that the streams of a tunnel take turns. */
const maxFrame = 65_536;
/** Answers to what the peer asks may wait up to this: a peer that asks on without reading is none. */
const mostAnswers = 65_536;

/** What is on its way out of one tunnel: frames in order, bounded, writers in turn. */
export class Outbox {
  readonly #link: ByteLink;
  readonly #buffers: FrameBuffers;
  readonly #cap: number;
  readonly #onSent: () => void;
  #waiting: (() => void)[] = [];
  #inFlight = 0;
  /** Those of them that the peer asked for. */
  #answers = 0;
  #releasing = false;
  #closed = false;

  /** @param cap bytes on their way into the socket before writers wait */
  constructor(link: ByteLink, buffers: FrameBuffers, cap: number, onSent: () => void) {
    this.#link = link;
    this.#buffers = buffers;
    this.#cap = cap;
    this.#onSent = onSent;
  }

  /** Bytes that the system has not taken. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Sends bytes of a stream, copied before it returns.
   * @returns whether more may come at once; otherwise `later` is called when it may
   */
  data(streamId: number, bytes: Buffer, later: () => void): boolean {
    for (let at = 0; at < bytes.length; at += maxFrame) {
      this.#part(streamId, bytes, at, Math.min(bytes.length, at + maxFrame));
    }
    if (this.#closed || this.#inFlight < this.#cap) return true;
    this.#waiting.push(later);
    return false;
  }

  /** Sends whole frames. */
  frames(frames: Buffer, written = (): void => {}): void {
    if (this.#closed) return;
    const room = this.#link.headroom;
    const buffer = Buffer.allocUnsafe(room + frames.length);
    frames.copy(buffer, room);
    this.#write(buffer, written);
  }

  /**
   * Sends a frame that the peer asked for.
   * @throws ConnectivityError `connection_lost` when it does not read such answers
   */
  answer(frame: Buffer): void {
    // Not by all that is in flight: many writers at once have more of it than one has.
    if (this.#answers > mostAnswers) throw brokenProtocol("the server asks without reading answers");
    if (this.#closed) return;
    this.#answers += frame.length;
    this.frames(frame, () => {
      this.#answers -= frame.length;
    });
  }

  /** What is sent from here until the next turn but one of the event loop leaves in one piece. */
  gather(): void {
    if (!this.#closed) this.#link.gather();
  }

  /** Nothing is sent any more; who waits may go on. */
  close(): void {
    this.#closed = true;
    for (const later of this.#waiting.splice(0)) later();
  }

  #part(streamId: number, bytes: Buffer, from: number, to: number): void {
    if (this.#closed) return;
    const room = this.#link.headroom;
    const length = to - from;
    const buffer = this.#buffers.take(room + frameHeaderLength + length);
    writeDataHeader(buffer, room, streamId, length, false);
    bytes.copy(buffer, room + frameHeaderLength, from, to);
    this.#write(buffer, () => this.#buffers.giveBack(buffer));
  }

  #write(buffer: Buffer, written: () => void): void {
    const { length } = buffer;
    this.#inFlight += length;
    this.#link.write(buffer, () => {
      written();
      this.#inFlight -= length;
      this.#onSent();
      this.#letWritersOn();
    });
  }

  /** First come, first served: each writer sends one chunk and queues again. */
  #letWritersOn(): void {
    if (this.#releasing || this.#waiting.length === 0) return;
    this.#releasing = true;
    while (this.#waiting.length > 0 && this.#inFlight < this.#cap) this.#waiting.shift()?.();
    this.#releasing = false;
  }
}
