import { readdir } from "node:fs/promises";
import path from "node:path";

/** A pattern that fits more files than this is a mistake, or an attack on our memory. */
const mostFiles = 512;

/**
 * The files that a pattern of `Include` names, sorted: `*`, `?` and `[…]` within one folder's name, as glob(7) has it
 * (no `**`, no braces; a leading dot has to be written).
 * @param pattern absolute
 */
export async function includeFiles(pattern: string): Promise<readonly string[]> {
  let found = [path.parse(pattern).root];
  for (const segment of pattern.split(path.sep).filter((part) => part !== "")) {
    const magic = /[*?[]/.test(segment);
    const next: string[] = [];
    for (const folder of found) {
      if (!magic) next.push(path.join(folder, segment));
      else {
        const wanted = segmentPattern(segment);
        for (const name of await readdir(folder).catch(() => [])) {
          if (fits(wanted, name) && (segment.startsWith(".") || !name.startsWith(".")))
            next.push(path.join(folder, name));
        }
      }
    }
    found = next.slice(0, mostFiles);
  }
  return found.toSorted();
}

type Piece = "*" | ((char: string) => boolean);

function segmentPattern(segment: string): readonly Piece[] {
  return [...segment.matchAll(/\[([!^]?)(\]?[^\]]*)\]|[^]/g)].map(([part, negated, set]): Piece => {
    if (set !== undefined) return (char) => inSet(set, char) === (negated === "");
    if (part === "*") return "*";
    return part === "?" ? () => true : (char) => char === part;
  });
}

/** Characters and ranges between `[` and `]`. */
function inSet(set: string, char: string): boolean {
  return [...set.matchAll(/([^])-([^])|[^]/g)].some(([single, from, to]) =>
    from === undefined || to === undefined ? char === single : from <= char && char <= to,
  );
}

/** Greedy with one point to go back to, as for host patterns: never exponential. */
function fits(pieces: readonly Piece[], name: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let index = 0;
  while (index < name.length) {
    const piece = pieces[at];
    if (piece === "*") {
      star = at++;
      resume = index;
    } else if (piece?.(name[index] ?? "")) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  while (pieces[at] === "*") at++;
  return at === pieces.length;
}
