/**
 * Reads one at a time. Who asks gets a reading that begins after they did: one that is on its way may have missed what
 * they wrote before. All who ask meanwhile share the next one.
 */
export class ReadingQueue {
  readonly #read: () => Promise<void>;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(read: () => Promise<void>) {
    this.#read = read;
  }

  /** Resolves or rejects with the reading. */
  ask(): Promise<void> {
    if (this.#next) return this.#next;
    if (!this.#current) return this.#begin();
    this.#next = this.#current.catch(() => undefined).then(() => this.#begin());
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    const reading = this.#read().finally(() => {
      if (this.#current === reading) this.#current = undefined;
    });
    this.#current = reading;
    return reading;
  }
}
