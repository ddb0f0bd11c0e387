import type { Clock } from "#application/ports/clock.ts";
import type { TunnelLimits } from "./tunnel-limits.ts";

export interface StallsOptions<Stream> {
  readonly clock: Clock;
  readonly limits: TunnelLimits;
  /** Streams on the connection. */
  readonly streams: () => number;
  /** Bytes that wait for its reader now. */
  readonly waiting: (stream: Stream) => number;
  readonly pause: () => void;
  readonly resume: () => void;
  /** A stream whose reader stood still for too long, or was too slow for all too long, while others could not go on. */
  readonly cut: (stream: Stream) => void;
}

/** So many looks in a row a reader may hold up others while it makes progress. */
const looksWhileReading = 6;

/**
 * When a connection stands still for readers that are behind. SPDY has no windows here, so not reading the connection is
 * the only brake, and it stops every stream on it. A stream that is alone is braked at its cap. Where others share the
 * connection one of them may fall further behind, and one that keeps them waiting for long is cut: later where it does
 * read, only slowly.
 */
export class Stalls<Stream> implements Disposable {
  readonly #options: StallsOptions<Stream>;
  /** Streams beyond their cap, with the bytes that wait. */
  readonly #behind = new Map<Stream, number>();
  #paused = false;
  #timer: Disposable | undefined;

  constructor(options: StallsOptions<Stream>) {
    this.#options = options;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Bytes came for a stream, `waiting` are not read. */
  received(stream: Stream, waiting: number): void {
    if (waiting <= this.#options.limits.receiveCap) return;
    this.#behind.set(stream, waiting);
    if (!this.#paused && this.#mustPause()) {
      this.#paused = true;
      this.#options.pause();
      this.#watch();
    }
  }

  /** Its reader has caught up, or is gone. */
  drained(stream: Stream): void {
    if (this.#behind.delete(stream) && this.#paused && !this.#mustPause()) {
      this.#paused = false;
      this.#timer?.[Symbol.dispose]();
      this.#options.resume();
    }
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#behind.clear();
    this.#paused = false;
  }

  #mustPause(): boolean {
    const { limits, streams } = this.#options;
    const [most, ...more] = this.#behind.values();
    return most !== undefined && (more.length > 0 || streams() <= 1 || most > limits.sharedReceiveCap);
  }

  #watch(look = 1): void {
    const { clock, limits, streams, waiting, cut } = this.#options;
    this.#timer = clock.after(limits.stallMs, () => {
      this.#watch(look + 1);
      if (streams() <= this.#behind.size) return;
      for (const [stream, before] of [...this.#behind]) {
        // Those cut before it may have been all that held the others up.
        if (!this.#paused) return;
        if (!this.#behind.has(stream)) continue;
        const now = waiting(stream);
        this.#behind.set(stream, now);
        if (now >= before || look >= looksWhileReading) cut(stream);
      }
    });
  }
}
