import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/** A folder of this connection alone (0700), with a short name: paths of Unix sockets end at about 100 characters. */
export async function makePrivateFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "pw-ssh-"));
  return { path: dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}
