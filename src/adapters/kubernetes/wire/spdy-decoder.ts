import { ConnectivityError } from "#domain/connectivity-error.ts";
import { controlType, flagFin, frameHeaderLength } from "./spdy-frames.ts";

/** Takes what a decoder reads, in order. */
export interface FrameSink {
  /** Bytes of a data frame, possibly a part of it; a view of the received chunk. */
  data(streamId: number, bytes: Buffer): void;
  /** The peer's end of a stream. */
  fin(streamId: number): void;
  reset(streamId: number, status: number): void;
  ping(id: number): void;
  /** The peer takes no more streams; those beyond the last one were never looked at. */
  goAway(lastStreamId: number): void;
  /** The peer has taken a stream that we opened. */
  replied(streamId: number): void;
  /** The peer opens a stream (a kubelet never does). */
  opened(streamId: number): void;
}

/** No control frame of a port-forward is near this; a longer one is no SPDY. */
const maxControlLength = 65_536;
/** All that is looked at of a control frame; header blocks are skipped. */
const controlHead = 8;

/** The least and the most payload of each control frame. */
const lengths: Readonly<Record<number, readonly [number, number]>> = {
  [controlType.synStream]: [10, maxControlLength],
  [controlType.synReply]: [4, maxControlLength],
  [controlType.rstStream]: [8, 8],
  [controlType.settings]: [4, maxControlLength],
  [controlType.ping]: [4, 4],
  [controlType.goAway]: [8, 8],
  [controlType.headers]: [4, maxControlLength],
  [controlType.windowUpdate]: [8, 8],
};

/**
 * Reads a SPDY/3.1 byte stream from chunks that are cut anywhere. Keeps at most 16 bytes between chunks, whatever lengths
 * the peer announces.
 */
export class SpdyDecoder {
  readonly #sink: FrameSink;
  /** The bytes of a header, then of a control frame's head, until complete. */
  readonly #head = Buffer.alloc(frameHeaderLength + controlHead);
  #filled = 0;
  #wanted = frameHeaderLength;
  /** Bytes left of a data frame's payload, or of a control frame's rest. */
  #left = 0;
  #mode: "header" | "data" | "control" | "skip" = "header";
  #streamId = 0;
  #fin = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** @throws ConnectivityError `connection_lost` when the bytes are no SPDY/3.1; the decoder must not be used further */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#mode === "data" || this.#mode === "skip") at = this.#payload(chunk, at);
      else {
        const taken = Math.min(this.#wanted - this.#filled, chunk.length - at);
        chunk.copy(this.#head, this.#filled, at, at + taken);
        this.#filled += taken;
        at += taken;
        if (this.#filled < this.#wanted) return;
        if (this.#mode === "header") this.#header();
        else this.#control();
      }
    }
  }

  #payload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    if (this.#mode === "data") this.#sink.data(this.#streamId, chunk.subarray(at, end));
    if (this.#left === 0) this.#frameEnd();
    return end;
  }

  #frameEnd(): void {
    const finished = this.#mode === "data" && this.#fin;
    this.#next();
    if (finished) this.#sink.fin(this.#streamId);
  }

  #next(): void {
    this.#mode = "header";
    this.#filled = 0;
    this.#wanted = frameHeaderLength;
  }

  #header(): void {
    const first = this.#head.readUInt32BE(0);
    const flags = this.#head.readUInt8(4);
    const length = this.#head.readUIntBE(5, 3);
    if (first < 0x8000_0000) {
      if (first === 0) throw brokenProtocol("a data frame names stream 0");
      this.#streamId = first;
      this.#fin = (flags & flagFin) !== 0;
      this.#left = length;
      this.#mode = "data";
      if (length === 0) this.#frameEnd();
      return;
    }
    if (first >>> 16 !== 0x8003) throw brokenProtocol("a control frame is not of SPDY version 3");
    const bounds = lengths[first & 0xff_ff];
    if (bounds === undefined) throw brokenProtocol("a control frame has an unknown type");
    if (length < bounds[0] || length > bounds[1]) throw brokenProtocol("a control frame has an impossible length");
    const looked = Math.min(length, controlHead);
    this.#left = length - looked;
    this.#wanted = frameHeaderLength + looked;
    this.#mode = "control";
  }

  #control(): void {
    const type = this.#head.readUInt16BE(2);
    const flags = this.#head.readUInt8(4);
    const word = this.#head.readUInt32BE(8);
    const id = word & 0x7fff_ffff;
    this.#mode = "skip";
    if (this.#left === 0) this.#next();
    if (type === controlType.rstStream) this.#sink.reset(id, this.#head.readUInt32BE(12));
    else if (type === controlType.ping) this.#sink.ping(word);
    else if (type === controlType.goAway) this.#sink.goAway(id);
    else if (type === controlType.synStream) this.#sink.opened(id);
    else if (type === controlType.synReply) {
      this.#sink.replied(id);
      if ((flags & flagFin) !== 0) this.#sink.fin(id);
    }
  }
}

export const brokenProtocol = (reason: string): ConnectivityError =>
  new ConnectivityError("connection_lost", "the cluster's side of the tunnel broke its protocol", { reason });
