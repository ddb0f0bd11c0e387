/** Timers that fall due within the same slot run together. Each slot begins with one of the shorter ones, so that they meet. */
const slotsMs = [100, 500, 1000, 5000] as const;
/** Shorter delays are exact. Longer ones may be late by a slot, which no interval or backoff of this length minds. */
export const sharedFromMs = 1000;

interface Slot {
  readonly timer: NodeJS.Timeout;
  readonly runs: Set<{ readonly run: () => void }>;
}

/** A wheel of timers: one timer of Node's for each slot of time in which something falls due. Keeps no process alive. */
export class SharedTimers {
  /** By when they fall due. */
  readonly #slots = new Map<number, Slot>();

  /** Runs between `ms` and `slackMs` more from now, which is at least the shortest slot; disposing cancels. */
  after(ms: number, run: () => void, slackMs = 0): Disposable {
    const nowMs = performance.now();
    const slotMs = slotsMs.findLast((length) => length <= slackMs) ?? slotsMs[0];
    const at = Math.ceil((nowMs + ms) / slotMs) * slotMs;
    const slot = this.#slots.get(at) ?? this.#open(at, at - nowMs);
    const entry = { run };
    slot.runs.add(entry);
    return {
      [Symbol.dispose]: () => {
        if (!slot.runs.delete(entry) || slot.runs.size > 0 || this.#slots.get(at) !== slot) return;
        clearTimeout(slot.timer);
        this.#slots.delete(at);
      },
    };
  }

  /** Timers of Node's that wait. */
  get size(): number {
    return this.#slots.size;
  }

  #open(at: number, delayMs: number): Slot {
    const timer = setTimeout(() => {
      this.#slots.delete(at);
      // One that another one cancels does not run any more.
      for (const entry of slot.runs) if (slot.runs.delete(entry)) entry.run();
    }, delayMs).unref();
    const slot: Slot = { timer, runs: new Set() };
    this.#slots.set(at, slot);
    return slot;
  }
}
