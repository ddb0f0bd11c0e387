import type { Clock } from "#application/ports/clock.ts";
import type { ForwardStream } from "./tunnel-stream.ts";

/** Streams whose opening the server has not answered, oldest first, behind one timer. */
export class Openings implements Disposable {
  readonly #clock: Clock;
  readonly #allowedMs: number;
  readonly #onLate: (stream: ForwardStream) => boolean;
  readonly #waiting = new Map<ForwardStream, number>();
  #timer: Disposable | undefined;

  /** @param onLate told of one that waits too long; unless it answers true, it is told again later */
  constructor(clock: Clock, allowedMs: number, onLate: (stream: ForwardStream) => boolean) {
    this.#clock = clock;
    this.#allowedMs = allowedMs;
    this.#onLate = onLate;
  }

  add(stream: ForwardStream): void {
    this.#waiting.set(stream, this.#clock.monotonicMs());
    this.#timer ??= this.#clock.after(this.#allowedMs, () => this.#look());
  }

  delete(stream: ForwardStream): void {
    this.#waiting.delete(stream);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#waiting.clear();
  }

  #look(): void {
    const latest = this.#clock.monotonicMs() - this.#allowedMs;
    for (const [stream, openedMs] of this.#waiting) {
      if (openedMs > latest) break;
      if (this.#onLate(stream)) this.#waiting.delete(stream);
    }
    this.#timer = undefined;
    if (this.#waiting.size > 0) this.#timer = this.#clock.after(this.#allowedMs / 2, () => this.#look());
  }
}
