import type { Clock } from "#application/ports/clock.ts";

/** Whether a peer that nothing was heard of yet says anything at all. */
export class FirstWord {
  readonly #clock: Clock;
  #onHeard: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard(): void {
    this.#onHeard?.();
  }

  /** False when the time is over, or something else settles or ends the waiting before. */
  within(ms: number, ended: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const late = this.#clock.after(ms, () => resolve(false));
      this.#onHeard = () => {
        late[Symbol.dispose]();
        this.#onHeard = undefined;
        resolve(true);
      };
      void ended.then(() => resolve(false));
      signal.addEventListener("abort", () => resolve(false), { once: true });
    });
  }
}
