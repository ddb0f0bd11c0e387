/** One pattern of ssh_config(5), PATTERNS: `*` any run, `?` one character, the rest literally, in the case that is written. */
export function matchesPattern(pattern: string, text: string): boolean {
  // Greedy with one point to go back to: linear in practice, never exponential.
  let at = 0;
  let star = -1;
  let resume = 0;
  let index = 0;
  while (index < text.length) {
    if (at < pattern.length && (pattern[at] === "?" || (pattern[at] === text[index] && pattern[at] !== "*"))) {
      at++;
      index++;
    } else if (pattern[at] === "*") {
      star = at++;
      resume = index;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** A comma-separated list of patterns: one matches, and no `!negated` one does. */
export function matchesPatternList(list: string, text: string): boolean {
  return matchesPatterns(list.split(","), text);
}

/** Whether one of the patterns matches, and no `!negated` one does. */
export function matchesPatterns(patterns: readonly string[], text: string): boolean {
  let matched = false;
  for (const pattern of patterns) {
    if (pattern.startsWith("!")) {
      if (matchesPattern(pattern.slice(1), text)) return false;
    } else if (matchesPattern(pattern, text)) matched = true;
  }
  return matched;
}

/** The same for names of hosts, whose case does not matter. */
export const matchesHostList = (list: string, host: string): boolean =>
  matchesPatternList(list.toLowerCase(), host.toLowerCase());
