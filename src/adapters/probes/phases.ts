/** Where the time of a probe went. Each phase is counted once, from the end of the one before. */
export class Phases {
  readonly ms: Record<string, number> = {};
  #sinceMs = performance.now();

  mark(phase: "dial" | "tls" | "auth" | "first_byte"): void {
    const nowMs = performance.now();
    this.ms[phase] ??= Math.round((nowMs - this.#sinceMs) * 10) / 10;
    this.#sinceMs = nowMs;
  }
}
