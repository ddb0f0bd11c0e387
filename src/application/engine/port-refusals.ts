import { backoffDelayMs } from "#domain/backoff.ts";
import type { ConnectivityError, Failure } from "#domain/connectivity-error.ts";
import type { RestartPolicy } from "#domain/spec/service.ts";
import type { Clock } from "../ports/clock.ts";

/** Refusals of the local port in a row. What comes by itself (no more open files) is tried again; a taken port is not, until somebody asks. */
export class PortRefusals {
  readonly #clock: Clock;
  readonly #policy: RestartPolicy;
  readonly #again: () => void;
  #count = 0;
  #timer: Disposable | undefined;
  #last: { readonly failure: Failure; readonly sinceMs: number } | undefined;

  constructor(clock: Clock, policy: RestartPolicy, again: () => void) {
    this.#clock = clock;
    this.#policy = policy;
    this.#again = again;
  }

  /** Why the port is not open. */
  get last(): { readonly failure: Failure; readonly sinceMs: number } | undefined {
    return this.#last;
  }

  add(error: ConnectivityError): void {
    this.#last = { failure: error.toFailure(), sinceMs: this.#clock.nowMs() };
    this.#count++;
    if (!error.retryable || this.#timer) return;
    const delayMs = backoffDelayMs(this.#policy, this.#count, this.#clock.random());
    this.#timer = this.#clock.after(delayMs, () => this.#again());
  }

  /** Somebody tries now. */
  hold(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  /** It is open, or not wanted any more. */
  clear(): void {
    this.hold();
    this.#count = 0;
    this.#last = undefined;
  }
}
