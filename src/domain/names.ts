/** Names as people write them: case, `-`, `_`, `.` and space do not matter. */
export const foldName = (name: string): string => name.toLowerCase().replaceAll(/[-_.\s]+/g, "");

/** Levenshtein distance, bounded: anything over `limit` is `limit + 1`. O(a · b) time on names of at most a few hundred characters. */
export function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) > limit) return limit + 1;
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    if (Math.min(...current) > limit) return limit + 1;
    previous = current;
  }
  return Math.min(previous[right.length] ?? 0, limit + 1);
}

/** Longer words are not compared: nobody mistypes a name of a hundred characters into another one. */
const longestComparable = 100;

/** The candidate nearest to a mistyped name, or `undefined` when none is near (more than a third of it differs). */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const folded = foldName(name).slice(0, longestComparable);
  const limit = Math.max(1, Math.floor(folded.length / 3));
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(folded, foldName(candidate).slice(0, longestComparable), limit);
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate;
}
