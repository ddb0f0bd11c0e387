import { access as canAccess } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { SshSettings } from "../settings.ts";

/** OpenSSH looks in the home folder of the user database, whatever `HOME` says. */
const isItsOwn = (homeDir: string): boolean => path.resolve(homeDir) === path.resolve(os.userInfo().homedir);

const isThere = (file: string): Promise<boolean> =>
  canAccess(file).then(
    () => true,
    () => false,
  );

/** The configuration file that OpenSSH has to be told, where the person's home folder is another one. */
export async function configFile(homeDir: string): Promise<string | undefined> {
  if (isItsOwn(homeDir)) return undefined;
  const file = path.join(homeDir, ".ssh", "config");
  return (await isThere(file)) ? file : "none";
}

/** The keys that OpenSSH has to be told: the one that the service names, and in another home folder those that lie there. */
export async function keysToName(settings: SshSettings, homeDir: string): Promise<readonly string[]> {
  const { keyNamed, keyFiles, keysNamed } = settings;
  if (keyNamed !== undefined) return [keyNamed];
  if (isItsOwn(homeDir)) return [];
  if (keysNamed) return keyFiles;
  const there = await Promise.all(keyFiles.map(isThere));
  return keyFiles.filter((_, index) => there[index]);
}
