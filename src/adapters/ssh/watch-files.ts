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

/** Of one file, however many services wait for it. */
interface Watched {
  readonly listeners: Set<() => void>;
  readonly onStat: (now: Stats, before: Stats) => void;
}

const watched = new Map<string, Watched>();

/**
 * Calls back when one of the files appears, goes or changes. By polling: it works for files and folders that do not
 * exist yet and on network file systems. Each file is polled once, and no longer than somebody waits. Keeps no process
 * alive.
 */
export function watchFiles(paths: readonly string[], onChange: () => void): Disposable {
  // One of its own, so that each watch ends by itself.
  const listener = (): void => onChange();
  const files = new Set(paths);
  for (const file of files) add(file, listener);
  return {
    [Symbol.dispose]: () => {
      for (const file of files) remove(file, listener);
    },
  };
}

function add(file: string, listener: () => void): void {
  const known = watched.get(file);
  if (known) return void known.listeners.add(listener);
  const listeners = new Set([listener]);
  const onStat = (now: Stats, before: Stats): void => {
    // Reading a file changes its access time, which Node reports as well.
    if (now.mtimeMs === before.mtimeMs && now.ino === before.ino && now.mode === before.mode) return;
    for (const each of [...listeners]) each();
  };
  watched.set(file, { listeners, onStat });
  watchFile(file, { interval: intervalMs, persistent: false }, onStat);
}

function remove(file: string, listener: () => void): void {
  const known = watched.get(file);
  if (!known?.listeners.delete(listener) || known.listeners.size > 0) return;
  watched.delete(file);
  unwatchFile(file, known.onStat);
}
