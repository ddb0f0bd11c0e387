import { isMap, isSeq, type ParsedNode, type YAMLMap, type YAMLSeq } from "yaml";
import {
  attachedCommentsStart,
  blockYaml,
  columnOf,
  flowYaml,
  indented,
  lineEnd,
  lineStart,
  replaced,
  trimmedEnd,
} from "./edit-lines.ts";

/** The text with an item at the end of a list at the top of the file, or `undefined` where only rewriting helps. */
export function addItem(
  text: string,
  root: YAMLMap.Parsed | undefined,
  list: string,
  value: unknown,
): string | undefined {
  const node = root?.get(list, true) as ParsedNode | undefined;
  if (!node) {
    if (root?.flow) return undefined;
    const gap = text === "" || text.endsWith("\n\n") ? "" : text.endsWith("\n") ? "\n" : "\n\n";
    return `${text}${gap}${blockYaml({ [list]: [value] })}\n`;
  }
  if (!isSeq(node)) return undefined;
  const items = node.items;
  const last = items.at(-1);
  if (!last) return replaced(text, node.range[0], node.range[1], `\n${indentedItem(value, 2)}`);
  if (node.flow) {
    const end = last.range[1];
    return replaced(text, end, end, `, ${flowYaml(value)}`);
  }
  const dash = dashOf(text, last);
  if (dash === undefined) return undefined;
  const column = columnOf(text, dash);
  const end = lineEnd(text, endWithComments(text, last, column));
  const gap = areApart(text, items) ? "\n\n" : "\n";
  return replaced(text, end, end, gap + indentedItem(value, column));
}

const indentedItem = (value: unknown, column: number): string =>
  " ".repeat(column) + indented(blockYaml([value]), column);

/** The dash before an item: the last one on its line, with nothing but white space between. */
function dashOf(text: string, item: ParsedNode): number | undefined {
  const before = text.slice(0, item.range[0]);
  const dash = before.trimEnd().length - 1;
  return text[dash] === "-" && text.slice(lineStart(text, dash), dash).trim() === "" ? dash : undefined;
}

/** The end of an item with comments below it that are indented deeper than its dash. */
function endWithComments(text: string, item: ParsedNode, column: number): number {
  let end = lineEnd(text, trimmedEnd(text, item.range[0], item.range[1]));
  for (;;) {
    const next = text.slice(end + 1, lineEnd(text, end + 1));
    if (end >= text.length || next.search(/\S/) <= column || !next.trimStart().startsWith("#")) return end;
    end = lineEnd(text, end + 1);
  }
}

/** Whether items are set apart by empty lines. */
const areApart = (text: string, items: readonly ParsedNode[]): boolean =>
  items.length > 1 && /\n[ \t]*\r?\n/.test(text.slice(items[0]?.range[0], items[1]?.range[0]));

/** The text without an item of a list and the comments directly above it, or `undefined` where only rewriting helps. */
export function removeItem(text: string, list: YAMLSeq.Parsed | undefined, index: number): string | undefined {
  const item = list?.items[index];
  if (!list || !item || !isMap(item)) return undefined;
  const next = list.items[index + 1];
  const previous = list.items[index - 1];
  if (!previous && !next) return removeOnly(text, list, item);
  if (list.flow) {
    return previous
      ? replaced(text, previous.range[1], item.range[1], "")
      : replaced(text, item.range[0], next?.range[0] ?? item.range[1], "");
  }
  const dash = dashOf(text, item);
  if (dash === undefined) return undefined;
  const start = attachedCommentsStart(text, lineStart(text, dash));
  let end = Math.min(endWithComments(text, item, columnOf(text, dash)) + 1, text.length);
  // One of the empty lines around it goes too.
  const isBlankBefore = start === 0 || /(?:^|\n)[ \t]*\n$/.test(text.slice(0, start));
  const blank = /^[ \t]*\r?\n/.exec(text.slice(end));
  if (isBlankBefore && blank) end += blank[0].length;
  return replaced(text, start, end, "");
}

function removeOnly(text: string, list: YAMLSeq.Parsed, item: ParsedNode): string | undefined {
  if (list.flow) return replaced(text, list.range[0], list.range[1], "[]");
  const dash = dashOf(text, item);
  if (dash === undefined) return undefined;
  const start = attachedCommentsStart(text, lineStart(text, dash));
  const key = text.slice(0, start).trimEnd();
  // Comments between the key and the list stay; then the file is written anew.
  return key.endsWith(":")
    ? `${key} []${text.slice(lineEnd(text, trimmedEnd(text, item.range[0], item.range[1])))}`
    : undefined;
}
