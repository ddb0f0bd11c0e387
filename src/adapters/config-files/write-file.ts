import { constants } from "node:fs";
import { open, realpath, rename, rm, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { readConfigText } from "./read-file.ts";

type Digest = (text: string) => string;

/**
 * Puts a text in the place of a file, whole or not at all: written beside it, flushed, renamed. A symbolic link stays,
 * and its target changes; so do mode and (where it may be set) group.
 * @throws ConnectivityError `plan_stale` when the file has another text than expected; `config_invalid` when it cannot be written
 */
export async function replaceFile(path: string, text: string, expected: string, digest: Digest): Promise<void> {
  const real = await realpath(path).catch(() => path);
  const before = await stat(real).catch(() => undefined);
  // One name for all times: what a process that was killed left behind is replaced. There is one writer a user.
  const beside = join(dirname(real), `.${basename(real)}.portwright-new`);
  try {
    await rm(beside, { force: true });
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    await using file = await open(beside, flags, before ? before.mode & 0o777 : 0o644);
    await file.writeFile(text);
    if (before) {
      // The mode that was asked for was cut by the umask.
      await file.chmod(before.mode & 0o7777);
      await file.chown(before.uid, before.gid).catch(() => undefined);
    }
    await file.sync();
    // As late as can be: what was written meanwhile is not lost.
    if ((await digestOf(real, digest)) !== expected) throw stale(path);
    await rename(beside, real);
  } catch (thrown) {
    await rm(beside, { force: true });
    if (thrown instanceof ConnectivityError) throw thrown;
    throw new ConnectivityError(
      "config_invalid",
      `the configuration ${path} could not be written; check the permissions of its folder, and the disk`,
      { file: path },
      { cause: thrown },
    );
  }
  await flushFolder(dirname(real));
}

/** Removes a file that still has the text we gave it. */
export async function removeOwnFile(path: string, expected: string, digest: Digest): Promise<void> {
  if ((await digestOf(path, digest)) === expected) await unlink(path).catch(() => undefined);
}

/** Empty when there is no file. */
async function digestOf(path: string, digest: Digest): Promise<string> {
  try {
    return digest(await readConfigText(path));
  } catch (thrown) {
    if (thrown instanceof ConnectivityError && thrown.code === "config_not_found") return "";
    throw thrown;
  }
}

const stale = (path: string): ConnectivityError =>
  new ConnectivityError("plan_stale", `${basename(path)} was changed since the plan was made`, { file: path });

/** So that the rename itself outlives a power cut; not every file system can. */
async function flushFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, "r");
    await handle.sync();
  } catch {
    // The file is in place all the same.
  }
}
