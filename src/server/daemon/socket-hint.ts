import { existsSync, lstatSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";

/**
 * Where the running daemon listens. A client with another XDG_RUNTIME_DIR or TMPDIR than the one that started the
 * daemon (a desktop application, cron) expects the socket elsewhere, but shares the state folder. It says nothing about
 * whether a daemon lives: only connecting does.
 */
const hintFile = (stateDir: string): string => join(stateDir, "daemon.socket");

export function writeSocketHint(stateDir: string, socketFile: string): void {
  writeFileSync(hintFile(stateDir), `${socketFile}\n`, { mode: 0o600 });
}

/** The path that the last daemon wrote, or `undefined`. */
export function readSocketHint(stateDir: string): string | undefined {
  const file = hintFile(stateDir);
  // Asked many times while a daemon starts: an error with its stack costs more than the look.
  if (!existsSync(file)) return undefined;
  try {
    const path = readFileSync(file, "utf8").trim();
    return isAbsolute(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether the folder of a socket belongs to this user. In a shared temp folder another user could have made it first,
 * to read what clients say: their environment. A folder that is not there is nobody's trap.
 */
export function isOwnFolder(socketFile: string): boolean {
  const folder = dirname(socketFile);
  try {
    const uid = process.getuid?.();
    const target = statSync(folder, { throwIfNoEntry: false });
    if (target === undefined) return true;
    return target.isDirectory() && target.uid === uid && lstatSync(folder).uid === uid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}
