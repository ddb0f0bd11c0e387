/** Time and chance, injected so that tests can hold both still. */
export interface Clock {
  /** Epoch milliseconds, for what people read. */
  nowMs(): number;
  /** Monotonic milliseconds, for durations. */
  monotonicMs(): number;
  /** Runs later, without keeping the process alive; disposing cancels. */
  after(ms: number, run: () => void): Disposable;
  /** [0, 1), for jitter. */
  random(): number;
}
