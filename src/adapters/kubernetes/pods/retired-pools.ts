import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { Candidate } from "../target/target-state.ts";
import type { TunnelPool } from "../wire/tunnel-pool.ts";

export interface RetiredPoolsParts {
  readonly clock: Clock;
  /** It is not there, or has ended: its open connections cannot go on. */
  isGone(candidate: Candidate): boolean;
  podGone(candidate: Candidate): ConnectivityError;
}

interface Retired {
  readonly candidate: Candidate;
  readonly pool: TunnelPool;
}

/** What a pod that is gone has sent may still be on its way; then its open connections are reset. */
const lastBytesMs = 200;

/** Pools that take no more connections but may still carry some: each until it is empty, or its pod is gone. */
export class RetiredPools {
  readonly #parts: RetiredPoolsParts;
  readonly #retired = new Set<Retired>();
  readonly #resetting = new WeakSet<Retired>();

  constructor(parts: RetiredPoolsParts) {
    this.#parts = parts;
  }

  get pools(): readonly TunnelPool[] {
    return [...this.#retired].map(({ pool }) => pool);
  }

  add(candidate: Candidate, pool: TunnelPool): void {
    const retired = { candidate, pool };
    this.#retired.add(retired);
    void pool.drain().then(() => this.#retired.delete(retired));
    this.#resetIfGone(retired);
  }

  /** Pods may be gone that were not before. */
  review(): void {
    for (const retired of this.#retired) this.#resetIfGone(retired);
  }

  #resetIfGone(retired: Retired): void {
    if (this.#resetting.has(retired) || !this.#parts.isGone(retired.candidate)) return;
    this.#resetting.add(retired);
    this.#parts.clock.after(lastBytesMs, () => retired.pool.destroy(this.#parts.podGone(retired.candidate)));
  }
}
