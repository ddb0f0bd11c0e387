import type { Surroundings } from "./command.ts";
import { printable } from "./printable.ts";

/** One line on a terminal that each message replaces, gone when disposed; nothing where nobody looks. */
export function showProgress(stderr: Surroundings["stderr"]): Disposable & { show(message: string): void } {
  if (stderr.isTTY !== true) return { show: () => {}, [Symbol.dispose]: () => {} };
  const clear = "\r\u001b[2K";
  return {
    show: (message) => void stderr.write(`${clear}${printable(message).replaceAll("\n", " ").slice(0, 100)}`),
    [Symbol.dispose]: () => void stderr.write(clear),
  };
}
