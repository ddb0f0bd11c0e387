import type { Clock } from "../ports/clock.ts";
import type { Found } from "./search-targets.ts";

/** The next page is of the same search; later it is searched anew. */
const keptMs = 120_000;
const maxKept = 8;

/** The last searches, for their further pages. */
export class KeptSearches {
  readonly #clock: Clock;
  readonly #kept = new Map<string, { readonly found: Found; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string): Found | undefined {
    const known = this.#kept.get(key);
    return known !== undefined && this.#clock.monotonicMs() < known.untilMs ? known.found : undefined;
  }

  set(key: string, found: Found): void {
    this.#kept.delete(key);
    this.#kept.set(key, { found, untilMs: this.#clock.monotonicMs() + keptMs });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= maxKept) break;
      this.#kept.delete(oldest);
    }
  }
}
