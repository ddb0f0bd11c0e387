import type { Clock } from "../ports/clock.ts";
import type { LocalAddresses } from "../ports/local-addresses.ts";

/** Why nothing that was known about the network may hold any more. */
export type WakeReason =
  | { readonly kind: "paused"; readonly ms: number }
  /** Other local addresses. */
  | { readonly kind: "network" };

/** How often it is looked: a timer that is overdue fires at once after a pause. */
const lookMs = 2000;
/** A busy machine is late by less. */
const pauseMs = 3000;

/**
 * Tells when this process stood still (the machine slept, the process was stopped) or the machine's addresses changed.
 * A sleep shows as a gap of the monotonic clock, or, where that sleeps too, as a jump of the wall clock over it.
 */
export class WakeDetector implements Disposable {
  readonly #clock: Clock;
  readonly #addresses: LocalAddresses;
  readonly #onWake: (reason: WakeReason) => void;
  #known: string;
  #last: { readonly monotonicMs: number; readonly wallMs: number };
  #timer: Disposable;

  constructor(clock: Clock, addresses: LocalAddresses, onWake: (reason: WakeReason) => void) {
    this.#clock = clock;
    this.#addresses = addresses;
    this.#onWake = onWake;
    this.#known = addresses.fingerprint();
    this.#last = this.#now();
    this.#timer = this.#next();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #now() {
    return { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.nowMs() };
  }

  #next(): Disposable {
    return this.#clock.after(lookMs, () => this.#look());
  }

  #look(): void {
    const now = this.#now();
    const passedMs = Math.max(now.monotonicMs - this.#last.monotonicMs, now.wallMs - this.#last.wallMs);
    const addresses = this.#addresses.fingerprint();
    const moved = addresses !== this.#known;
    this.#known = addresses;
    this.#last = now;
    this.#timer = this.#next();
    const lateMs = passedMs - lookMs;
    if (lateMs >= pauseMs) this.#onWake({ kind: "paused", ms: Math.round(lateMs) });
    else if (moved) this.#onWake({ kind: "network" });
  }
}
