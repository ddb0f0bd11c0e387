import { foldName } from "#domain/names.ts";

/** The names that begin like what was typed, then those that hold it; case, `-`, `_` and space do not matter. */
export function matching(typed: string, names: readonly string[]): string[] {
  const folded = foldName(typed.slice(0, 100));
  const begins = names.filter((name) => foldName(name).startsWith(folded));
  const holds = names.filter((name) => !begins.includes(name) && foldName(name).includes(folded));
  return [...begins, ...holds];
}
