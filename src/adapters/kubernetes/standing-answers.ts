import type { Clock } from "#application/ports/clock.ts";
import { abortable } from "./abortable.ts";

interface Asking<T> {
  readonly answer: Promise<T>;
  readonly controller: AbortController;
  /** Nobody left: the question is withdrawn. */
  waiting: number;
}

/** More at once than anybody has; beyond it everything is asked again. */
const maxRemembered = 256;

/**
 * Answers that stand for a while. Who asks the same while it is being asked waits for that answer: a hundred services
 * that start together put one question, not a hundred on a connection each.
 */
export class StandingAnswers<T> {
  readonly #clock: Clock;
  readonly #standMs: number;
  readonly #known = new Map<string, { readonly answer: T; readonly untilMs: number }>();
  readonly #asking = new Map<string, Asking<T>>();

  constructor(clock: Clock, standMs: number) {
    this.#clock = clock;
    this.#standMs = standMs;
  }

  /**
   * @param ask puts the question; its signal is aborted when nobody waits any more
   * @throws as `ask`, which does not stand; the signal's reason
   */
  async get(key: string, ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const known = this.#known.get(key);
    if (known !== undefined && this.#clock.monotonicMs() < known.untilMs) return known.answer;
    const asking = this.#asking.get(key) ?? this.#begin(key, ask);
    asking.waiting++;
    try {
      return await abortable(asking.answer, signal);
    } finally {
      if (--asking.waiting === 0) {
        this.#end(key, asking);
        asking.controller.abort();
      }
    }
  }

  #begin(key: string, ask: (signal: AbortSignal) => Promise<T>): Asking<T> {
    const controller = new AbortController();
    const asking: Asking<T> = { answer: this.#ask(key, ask, controller.signal), controller, waiting: 0 };
    this.#asking.set(key, asking);
    const end = (): void => this.#end(key, asking);
    asking.answer.then(end, end);
    return asking;
  }

  async #ask(key: string, ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const answer = await ask(signal);
    if (this.#known.size >= maxRemembered) this.#known.clear();
    this.#known.set(key, { answer, untilMs: this.#clock.monotonicMs() + this.#standMs });
    return answer;
  }

  #end(key: string, asking: Asking<T>): void {
    if (this.#asking.get(key) === asking) this.#asking.delete(key);
  }
}
