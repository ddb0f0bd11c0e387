import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { PoolTiming } from "./pooled-server.ts";

/** Ends when the server or the network is back, and nothing else has to change. */
const comingBack: readonly ErrorCode[] = [
  "host_unreachable",
  "host_unresolved",
  "ssh_jump_failed",
  "connection_lost",
  "operation_timed_out",
];
/** A server that counts failed logins, or that is full, must not be asked for each of fifty services. */
const loginHoldMs = 10_000;
const fullSlowestMs = 15_000;
/** It closed without a word: full, perhaps, or a proxy whose server is about to come back. */
const wordlessSlowestMs = 5000;

/** What the last dial of a server failed with, and when the next one may follow. */
export class LastFailure {
  readonly #timing: PoolTiming;
  #last: { readonly error: ConnectivityError; readonly atMs: number; readonly signature: string } | undefined;
  /** In a row. */
  #count = 0;

  constructor(timing: PoolTiming) {
    this.#timing = timing;
  }

  /** The pause before the next attempt for all that wait: longer each time only where every attempt may be one too many. */
  get pauseMs(): number {
    const { retryGapMs } = this.#timing;
    const { error } = this.#last ?? {};
    const slowestMs =
      error?.code === "ssh_session_limit"
        ? fullSlowestMs
        : error?.facts["closed_by_server"] === true
          ? wordlessSlowestMs
          : retryGapMs;
    return Math.max(retryGapMs, Math.min(retryGapMs * 2 ** Math.min(Math.max(this.#count - 1, 0), 16), slowestMs));
  }

  /** Whether it may come back by itself, so that trying again and again makes sense. */
  get comesBack(): boolean {
    return this.#last !== undefined && comingBack.includes(this.#last.error.code);
  }

  async remember(error: ConnectivityError, signature: () => Promise<string>): Promise<void> {
    this.#count++;
    const atMs = performance.now();
    const login = error.code === "ssh_authentication_failed";
    this.#last = { error, atMs, signature: login ? await signature() : "" };
  }

  clear(): void {
    this.#last = undefined;
    this.#count = 0;
  }

  /**
   * Resolves when a dial may begin.
   * @throws ConnectivityError the failure itself, when the same login was refused moments ago or the server is full
   */
  async pass(signature: () => Promise<string>): Promise<void> {
    if (!this.#last) return;
    const { error, atMs, signature: before } = this.#last;
    const elapsedMs = performance.now() - atMs;
    const { pauseMs } = this;
    if (error.code === "ssh_authentication_failed") {
      if (elapsedMs < loginHoldMs && (await signature()) === before) throw error;
    } else if (error.code === "ssh_session_limit") {
      if (elapsedMs < pauseMs) throw error;
    } else if (this.comesBack && elapsedMs < pauseMs) {
      await new Promise((resolve) => {
        setTimeout(resolve, pauseMs - elapsedMs);
      });
    }
  }
}
