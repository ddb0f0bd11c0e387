import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

let swept: Promise<void> | undefined;

/**
 * A folder of one connection alone (0700), with a short name: paths of Unix sockets end at about 100 characters. Those
 * that a killed process left behind are removed with the first one.
 */
export async function makePrivateFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const base = os.tmpdir();
  swept ??= sweep(base);
  const dir = await mkdtemp(path.join(base, `pw-ssh-${process.pid}-`));
  return { path: dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

async function sweep(base: string): Promise<void> {
  for (const name of await readdir(base).catch(() => [])) {
    const pid = Number(/^pw-ssh-(\d+)-/.exec(name)?.[1] ?? process.pid);
    // Another user's cannot be removed, and stays.
    if (!isAlive(pid)) await rm(path.join(base, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
