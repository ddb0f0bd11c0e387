import { unwatchFile, watch, watchFile, type FSWatcher, type Stats } from "node:fs";
import { readlink, realpath } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";

/** Editors write in several steps; what comes within this time is one change. */
const quietMs = 40;
/** A file that never comes to rest is read all the same. */
const longestMs = 250;
/** Mounts that do not notify are looked at so often: one stat, next to nothing. */
const pollMs = 2000;
/** A link to a link, and so on. */
const mostLinks = 8;

/**
 * Calls back after a file may have changed: written in place, replaced by a new one, reached by a link that now leads
 * elsewhere, come or gone. The folders of the file and of all that its links lead to are watched; a slow poll helps out
 * where nothing is told. Keeps no process alive.
 */
export function watchConfigFile(path: string, onChange: () => void): Disposable {
  let over = false;
  let quiet: NodeJS.Timeout | undefined;
  let sinceMs: number | undefined;
  let watched = "";
  let watchers: FSWatcher[] = [];

  const fire = (): void => {
    quiet = undefined;
    sinceMs = undefined;
    if (over) return;
    onChange();
    void follow();
  };
  const stirred = (): void => {
    if (over) return;
    const nowMs = performance.now();
    sinceMs ??= nowMs;
    clearTimeout(quiet);
    quiet = setTimeout(fire, Math.min(quietMs, Math.max(0, sinceMs + longestMs - nowMs)));
    quiet.unref();
  };
  /** Links may lead elsewhere now: the folders to watch are found anew after each change. */
  const follow = async (): Promise<void> => {
    const places = await placesOf(path);
    const key = JSON.stringify(places);
    if (over || key === watched) return;
    watched = key;
    for (const watcher of watchers) watcher.close();
    watchers = [...groupByFolder(places)].flatMap(([folder, names]) => watchFolder(folder, names, stirred) ?? []);
  };
  const polled = (now: Stats, before: Stats): void => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size) stirred();
  };

  void follow();
  watchFile(path, { interval: pollMs, persistent: false }, polled);
  return {
    [Symbol.dispose]: () => {
      over = true;
      clearTimeout(quiet);
      unwatchFile(path, polled);
      for (const watcher of watchers) watcher.close();
      watchers = [];
    },
  };
}

/** The file itself, and each that a link on the way leads to. */
async function placesOf(path: string): Promise<string[]> {
  const places = [resolve(path)];
  for (let link = resolve(path); places.length <= mostLinks;) {
    const target: string | undefined = await readlink(link).catch(() => undefined);
    if (target === undefined) break;
    link = resolve(dirname(link), target);
    if (places.includes(link)) break;
    places.push(link);
  }
  // Folders may be links as well, as those of a mounted ConfigMap are.
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined && !places.includes(real)) places.push(real);
  return places;
}

function groupByFolder(places: readonly string[]): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>();
  for (const place of places) {
    const names = folders.get(dirname(place)) ?? new Set();
    folders.set(dirname(place), names.add(basename(place)));
  }
  return folders;
}

/** `undefined` where the system cannot watch (no more watches, another kind of file system): the poll sees it later. */
function watchFolder(folder: string, names: ReadonlySet<string>, stirred: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, (_event, name) => {
      // `..data` is what a mounted ConfigMap swaps.
      if (name === null || names.has(name) || name.startsWith("..")) stirred();
    });
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
