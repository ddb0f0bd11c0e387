/**
 * Calls `onIdle` once, when `busy()` was false without a break for `idleMs`. Looked at a few times in that span, so it
 * fires at most a quarter late.
 */
export function watchIdle(options: {
  readonly idleMs: number;
  readonly busy: () => boolean;
  readonly onIdle: () => void;
}): Disposable {
  let idleSinceMs: number | undefined = performance.now();
  const timer = setInterval(
    () => {
      if (options.busy()) {
        idleSinceMs = undefined;
        return;
      }
      idleSinceMs ??= performance.now();
      if (performance.now() - idleSinceMs < options.idleMs) return;
      clearInterval(timer);
      options.onIdle();
    },
    Math.min(Math.max(options.idleMs / 4, 10), 30_000),
  );
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
