/** stdout belongs to JSON-RPC: whatever a library prints to the console goes to stderr. */
export function consoleToStderr(): void {
  const { console } = globalThis;
  const toStderr = console.error.bind(console);
  Object.assign(console, { log: toStderr, info: toStderr, debug: toStderr, dir: toStderr, table: toStderr });
}
