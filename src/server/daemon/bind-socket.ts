import { once } from "node:events";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { dirname } from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { isOwnFolder } from "./socket-hint.ts";

/** macOS allows 103 bytes, Linux 107. */
const maxPathBytes = 99;

/**
 * Binds a Unix socket that only this user can open: 0600 from its first moment, in a 0700 folder of this user. What
 * stands at the path is removed first, so only the holder of the daemon's lock may call this.
 * @throws ConnectivityError `local_address_unavailable`
 */
export async function bindSocket(server: Server, path: string): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > maxPathBytes) {
    throw unavailable("the path of the daemon's socket is too long; set PORTWRIGHT_HOME to a shorter folder", {
      path,
      bytes,
      max_bytes: maxPathBytes,
    });
  }
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isOwnFolder(path)) {
    throw unavailable("the folder of the daemon's socket is not a folder of this user", { path: folder });
  }
  chmodSync(folder, 0o700);
  rmSync(path, { force: true });

  // listen() binds before it returns, so the mask holds for the bind and nothing else.
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  try {
    await once(server, "listening");
  } catch (error) {
    throw new ConnectivityError(
      "local_address_unavailable",
      "the daemon's socket cannot be opened",
      { path },
      { cause: error },
    );
  }
  chmodSync(path, 0o600);
}

const unavailable = (message: string, facts: Record<string, string | number>): ConnectivityError =>
  new ConnectivityError("local_address_unavailable", message, facts);
