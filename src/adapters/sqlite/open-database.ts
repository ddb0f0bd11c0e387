import { existsSync, renameSync, rmSync } from "node:fs";
import SqliteDatabase, { type Database } from "better-sqlite3";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { migrate } from "./migrations.ts";
import { ensurePrivateFile } from "./private-file.ts";

export interface OpenOptions {
  /** Told when the file was damaged and set aside under another name. */
  readonly onDamaged?: (setAside: string) => void;
}

/** A reader of the same file (a backup, a curious person) may hold it this long before a write fails. */
const busyTimeoutMs = 5000;

/** Opens, checks and migrates; a damaged file is set aside once and a new one made. */
export function openDatabase(file: string, { onDamaged }: OpenOptions): Database {
  try {
    try {
      return openSound(file);
    } catch (error) {
      if (!isDamage(error)) throw error;
      const setAside = `${file}.damaged`;
      renameSync(file, setAside);
      for (const suffix of ["-wal", "-shm"]) {
        if (existsSync(file + suffix)) rmSync(file + suffix);
      }
      onDamaged?.(setAside);
      return openSound(file);
    }
  } catch (error) {
    if (error instanceof ConnectivityError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ConnectivityError(
      "internal_error",
      "the stored state cannot be opened; check that its folder is writable and the disk not full",
      { path: file, ...(code !== undefined && { reason: code }) },
      { cause: error },
    );
  }
}

function openSound(file: string): Database {
  ensurePrivateFile(file);
  // -wal and -shm get the mode of the main file from SQLite.
  const database = new SqliteDatabase(file, { timeout: busyTimeoutMs });
  try {
    database.pragma("journal_mode = WAL");
    // With WAL, NORMAL survives a killed process without loss; only a power cut can lose the last commits.
    database.pragma("synchronous = NORMAL");
    database.pragma("foreign_keys = ON");
    // The whole store is a few kilobytes: SQLite's default page cache of 2 MB is not needed.
    database.pragma("cache_size = -256");
    const verdict = database.pragma("quick_check(1)", { simple: true });
    if (verdict !== "ok") throw new SqliteDatabase.SqliteError("quick_check failed", "SQLITE_CORRUPT");
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const isDamage = (error: unknown): boolean =>
  error instanceof SqliteDatabase.SqliteError && /^SQLITE_(?:CORRUPT|NOTADB)/.test(error.code);
