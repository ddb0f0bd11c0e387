import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** The last lines of a file, at most 4 kB of them; empty when it cannot be read. */
export function logTail(file: string, lines: number, maxBytes = 4096): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch {
    return "";
  }
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, maxBytes));
    readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    const whole = buffer.toString("utf8").trimEnd().split("\n");
    // The first line may have been cut by the limit.
    return whole
      .slice(size > maxBytes ? 1 : 0)
      .slice(-lines)
      .join("\n");
  } catch {
    return "";
  } finally {
    closeSync(descriptor);
  }
}
