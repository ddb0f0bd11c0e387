import { copyFileSync, fstatSync, ftruncateSync, statSync } from "node:fs";

const stderrFd = 2;
/** Looked at before a new daemon begins to write; one older file is kept. */
const maxLogBytes = 5 * 1024 * 1024;

/**
 * Cuts the log file when it has grown too large, keeping the old text beside it as `….1`; only when `descriptor` (stderr) is that file,
 * opened for appending, so that what follows starts at the new end. Called by the holder of the lock alone.
 */
export function rotateLog(file: string, maxBytes: number = maxLogBytes, descriptor: number = stderrFd): void {
  try {
    const onDisk = statSync(file);
    const open = fstatSync(descriptor);
    if (open.ino !== onDisk.ino || open.dev !== onDisk.dev || onDisk.size <= maxBytes) return;
    copyFileSync(file, `${file}.1`);
    ftruncateSync(descriptor);
  } catch {
    // A log that cannot be cut is still a log.
  }
}
