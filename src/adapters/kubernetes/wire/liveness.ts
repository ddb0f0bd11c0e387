import type { Clock } from "#application/ports/clock.ts";

export interface LivenessOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Sends a ping; its answer is told by `heard` as everything that is received. */
  readonly ping: (id: number) => void;
  /** A connection that we have paused hears no answers: its silence means nothing. */
  readonly paused: () => boolean;
  /** Whether bytes of ours wait for the system. */
  readonly sending: () => boolean;
  /** Two pings in a row stayed unanswered. */
  readonly onDead: () => void;
}

const missesAllowed = 2;

/** Asks the peer at intervals whether it is there. */
export class Liveness implements Disposable {
  readonly #options: LivenessOptions;
  #alive = true;
  /**
   * Bytes waited for the system at the last look. Only then does its taking some show that the peer takes them: an empty
   * socket buffer takes what it is given for a dead peer too.
   */
  #busy = false;
  #missed = 0;
  /** Ours are odd. */
  #nextId = 1;
  #tick: Disposable;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#tick = this.#next();
  }

  heard(): void {
    this.#alive = true;
  }

  /** The system took bytes of ours. */
  sent(): void {
    if (this.#busy) this.#alive = true;
  }

  [Symbol.dispose](): void {
    this.#tick[Symbol.dispose]();
  }

  #next(): Disposable {
    return this.#options.clock.after(this.#options.intervalMs, () => this.#look());
  }

  #look(): void {
    const { paused, sending, ping, onDead } = this.#options;
    if (this.#alive || paused()) this.#missed = 0;
    else if (++this.#missed >= missesAllowed) {
      onDead();
      return;
    }
    this.#alive = false;
    this.#busy = sending();
    ping(this.#nextId);
    this.#nextId += 2;
    this.#tick = this.#next();
  }
}
