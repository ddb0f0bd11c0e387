import { createReadStream, statSync } from "node:fs";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Writes what is added to a file from now on, until the process ends; begins anew when the file was cut. */
export async function followFile(file: string, output: Writable): Promise<never> {
  let position = sizeOf(file);
  for (;;) {
    await sleep(250);
    const size = sizeOf(file);
    if (size < position) position = 0;
    if (size === position) continue;
    await pipeline(createReadStream(file, { start: position, end: size - 1 }), output, { end: false });
    position = size;
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
