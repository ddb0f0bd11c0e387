/**
 * Calls `onGone` when the process that started this one ended: the system then gives this one another parent. Where a
 * client is killed, its pipes may stay open in a sibling, and no end of input ever comes.
 */
export function watchParent(onGone: () => void, intervalMs = 1000): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, intervalMs);
  timer.unref();
}
