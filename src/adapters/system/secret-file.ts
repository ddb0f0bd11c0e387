import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** Far more than any credential; a log or a database named by mistake is not read. */
const largestBytes = 64 * 1024;

const refused = (path: string, why: string, cause?: unknown): ConnectivityError =>
  new ConnectivityError("variable_missing", `the file of a reference ${why}`, { file: path }, { cause });

/**
 * What a `${file:PATH}` holds, without its last line break. `~/` is the home folder, a relative path starts at the
 * workspace. A file that other users can read or write is refused, as OpenSSH does with keys.
 * @throws ConnectivityError `variable_missing`
 */
export async function readSecretFile(
  path: string,
  folders: { readonly homeDir: string; readonly workspaceDir: string },
): Promise<string> {
  const absolute = path.startsWith("~/") ? join(folders.homeDir, path.slice(2)) : resolve(folders.workspaceDir, path);
  // Without O_NONBLOCK a named pipe would block until somebody writes.
  const file = await open(absolute, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw refused(absolute, "cannot be read", cause);
  });
  try {
    const { mode, size, ...stats } = await file.stat();
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw refused(absolute, "is not a regular file");
    if (process.platform !== "win32" && (mode & 0o077) !== 0 && stats.uid === process.getuid?.())
      throw refused(absolute, "is open to other users: chmod 600 it");
    if (size > largestBytes) throw refused(absolute, "is larger than 64 KiB");
    return (await file.readFile("utf8")).replace(/\r?\n$/, "");
  } finally {
    await file.close();
  }
}
