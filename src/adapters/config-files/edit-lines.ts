import { stringify } from "yaml";

/** Offsets in a text: of the line that holds one, and of its end (the line break, or the end of the text). */
export const lineStart = (text: string, offset: number): number => text.lastIndexOf("\n", offset - 1) + 1;

export function lineEnd(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end < 0 ? text.length : end;
}

/** A range without the white space and comments at its end. */
export const trimmedEnd = (text: string, start: number, end: number): number => {
  let last = end;
  for (;;) {
    last = start + text.slice(start, last).trimEnd().length;
    const line = lineStart(text, last);
    if (line <= start || !text.slice(line, last).trimStart().startsWith("#")) return last;
    last = line;
  }
};

/** Where the comments begin that stand directly above a line, as far in as its own text. */
export function attachedCommentsStart(text: string, start: number): number {
  const indent = /^ */.exec(text.slice(start, lineEnd(text, start)))?.[0].length ?? 0;
  let first = start;
  while (first > 0) {
    const above = lineStart(text, first - 1);
    const line = text.slice(above, first - 1);
    if (line.search(/\S/) !== indent || !line.trimStart().startsWith("#")) break;
    first = above;
  }
  return first;
}

/** A value as block YAML, in quotes where YAML 1.1 or 1.2 would read something else than text. */
export const blockYaml = (value: unknown): string =>
  stringify(value, { compat: "yaml-1.1", lineWidth: 0, indentSeq: true, aliasDuplicateObjects: false }).trimEnd();

/** The same on one line, as it may stand inside brackets. */
export const flowYaml = (value: unknown): string => {
  const options = { compat: "yaml-1.1", lineWidth: 0, collectionStyle: "flow", aliasDuplicateObjects: false } as const;
  // Inside a list, so that text with commas and brackets is quoted.
  return stringify([value], options)
    .replaceAll(/\n\s*/g, " ")
    .trim()
    .replace(/^\[\s*/, "")
    .replace(/\s*\]$/, "");
};

export const indented = (lines: string, columns: number): string =>
  lines.replaceAll(/\n(?=.)/g, `\n${" ".repeat(columns)}`);

/** Column (from 0) of an offset. */
export const columnOf = (text: string, offset: number): number => offset - lineStart(text, offset);

export const replaced = (text: string, start: number, end: number, by: string): string =>
  text.slice(0, start) + by + text.slice(end);
