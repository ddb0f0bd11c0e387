const longest = 80;
const secretWord = /pass|secret|token|credential|authorization|api[-_]?key|private/i;

/**
 * A value of a file as it may be shown: clipped, on one line, without the user part of an address, and nothing at all
 * where the key or the value itself speaks of a secret.
 */
export function shownText(text: string, key = ""): string | undefined {
  return secretWord.test(key) || secretWord.test(text) ? undefined : oneLine(text);
}

/** A key or a name, which is no secret whatever it speaks of. */
export const shownName = (name: string): string => oneLine(name) ?? "(empty)";

function oneLine(text: string): string | undefined {
  const line = text
    .slice(0, longest * 4)
    .replaceAll(/\/\/[^/@\s]*@/g, "//…@")
    // eslint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g, " ")
    .trim();
  if (line === "") return undefined;
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}
