import SqliteDatabase, { type Database } from "better-sqlite3";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { ensurePrivateFile } from "./private-file.ts";

/** Held by the one daemon of a user. The kernel releases it when the process ends, however it ends. */
export interface DaemonLock extends Disposable {
  /** Releases it; may be called twice. */
  release(): void;
}

/** A handle that is collected drops its lock, and two daemons run: every one that is held stays referenced here. */
const held = new Set<Database>();

/**
 * Takes the lock of this user's daemon: an exclusive SQLite transaction on an otherwise empty file, which the kernel
 * releases even on `kill -9`. Never opens an existing file another way (closing it would drop the lock).
 * @returns `undefined` when another process, or this one, holds it
 * @throws ConnectivityError `internal_error` when the file cannot be opened
 */
export function acquireDaemonLock(file: string): DaemonLock | undefined {
  let database: Database | undefined;
  try {
    ensurePrivateFile(file);
    database = new SqliteDatabase(file, { timeout: 0 });
    database.pragma("locking_mode = EXCLUSIVE");
    // Nothing is ever written: no journal file beside it.
    database.pragma("journal_mode = MEMORY");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if (error instanceof SqliteDatabase.SqliteError && error.code.startsWith("SQLITE_BUSY")) return undefined;
    throw new ConnectivityError(
      "internal_error",
      "the daemon's lock file cannot be opened",
      { path: file },
      { cause: error },
    );
  }
  const lock = database;
  held.add(lock);
  const release = (): void => {
    if (held.delete(lock)) lock.close();
  };
  return { release, [Symbol.dispose]: release };
}
