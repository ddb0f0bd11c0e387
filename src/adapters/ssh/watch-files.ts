import { unwatchFile, watchFile, type Stats } from "node:fs";
import type { SshSettings } from "./settings.ts";

/** A person who has just mended a file should not wait for long; a stat per file costs nothing beside that. */
const intervalMs = 1000;

/** What a failed dial may have been missing. */
export const filesOf = ({ keyFiles, knownHostsFiles, agentSocket, resolved }: SshSettings): readonly string[] => [
  ...keyFiles,
  ...keyFiles.map((file) => `${file}-cert.pub`),
  ...resolved.certificateFiles,
  ...resolved.configFiles,
  ...knownHostsFiles,
  ...(agentSocket === undefined ? [] : [agentSocket]),
];

/**
 * Calls back when one of the files appears, goes or changes. By polling: it works for files and folders that do not
 * exist yet and on network file systems, and Node polls a path once however many watch it. Keeps no process alive.
 */
export function watchFiles(paths: readonly string[], onChange: () => void): Disposable {
  const listener = (now: Stats, before: Stats): void => {
    // Reading a file changes its access time, which Node reports as well.
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.mode !== before.mode) onChange();
  };
  for (const path of paths) watchFile(path, { interval: intervalMs, persistent: false }, listener);
  return {
    [Symbol.dispose]: () => {
      for (const path of paths) unwatchFile(path, listener);
    },
  };
}
