import type { Openings } from "./openings.ts";
import type { Outbox } from "./outbox.ts";
import type { FrameSink } from "./spdy-decoder.ts";
import { ping, rstStream, statusRefused } from "./spdy-frames.ts";
import type { Stalls } from "./stalls.ts";
import type { StreamTable } from "./stream-table.ts";
import { lost } from "./tunnel-errors.ts";
import type { TunnelSilence } from "./tunnel-silence.ts";
import type { ForwardStream } from "./tunnel-stream.ts";

export interface ServerFramesParts {
  readonly streams: StreamTable;
  readonly stalls: Stalls<ForwardStream>;
  readonly openings: Openings;
  readonly outbox: Outbox;
  readonly silence: TunnelSilence;
  /** The server takes no more streams. */
  readonly onGoAway: () => void;
}

/** What the frames of the server mean: each goes to the stream that it names, or is answered. */
export class ServerFrames implements FrameSink {
  readonly #parts: ServerFramesParts;
  /** It has answered an opening. */
  #answers = false;

  constructor(parts: ServerFramesParts) {
    this.#parts = parts;
  }

  get answers(): boolean {
    return this.#answers;
  }

  data(streamId: number, bytes: Buffer): void {
    const { streams, stalls } = this.#parts;
    const stream = streams.find(streamId);
    if (stream === undefined) return;
    if (streamId === stream.errorId) stream.receiveError(bytes);
    else stalls.received(stream, stream.receive(bytes));
  }

  fin(streamId: number): void {
    const stream = this.#parts.streams.find(streamId);
    if (stream?.errorId === streamId) stream.errorEnd();
    else stream?.remoteEnd();
  }

  reset(streamId: number): void {
    const stream = this.#parts.streams.find(streamId);
    if (stream?.errorId === streamId) stream.errorEnd();
    else stream?.remoteReset();
  }

  replied(streamId: number): void {
    const stream = this.#parts.streams.find(streamId);
    if (stream?.dataId !== streamId) return;
    this.#answers = true;
    this.#parts.openings.delete(stream);
    stream.replied();
  }

  ping(id: number): void {
    if (id % 2 === 0) this.#parts.outbox.answer(ping(id));
    // Ours are odd: an answer, which counts as heard already.
    else this.#parts.silence.echoed(id);
  }

  goAway(lastStreamId: number): void {
    this.#parts.onGoAway();
    for (const stream of this.#parts.streams.all()) {
      if (stream.dataId > lastStreamId && !stream.known) stream.lose(lost("the cluster took no more connections"));
    }
  }

  opened(streamId: number): void {
    this.#parts.streams.openedByServer(streamId);
    this.#parts.outbox.answer(rstStream(streamId, statusRefused));
  }
}
