/** Time and chance, injected so that tests can hold both still. */
export interface Clock {
  /** Epoch milliseconds, for what people read. */
  nowMs(): number;
  /** Monotonic milliseconds, for durations. */
  monotonicMs(): number;
  /**
   * Runs later, without keeping the process alive; disposing cancels.
   * @param slackMs it may come so much later still, so that what falls due near it runs with it: each time the process
   * wakes up costs more than what it then does
   */
  after(ms: number, run: () => void, slackMs?: number): Disposable;
  /** [0, 1), for jitter. */
  random(): number;
}
