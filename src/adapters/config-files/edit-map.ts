import { isMap, isScalar, isSeq, type Pair, type ParsedNode, type YAMLMap } from "yaml";
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
import type { Path } from "./located.ts";

type Entry = Pair<ParsedNode, ParsedNode | null>;

const entryOf = (map: YAMLMap.Parsed, key: string | number): Entry | undefined =>
  map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));

/** The text with a value set in place, or `undefined` where only rewriting helps. */
export function setEntry(text: string, root: YAMLMap.Parsed, path: Path, value: unknown): string | undefined {
  const found = walk(root, path);
  if (!found) return undefined;
  const { parent, rest } = found;
  const [key = "", ...below] = rest;
  const wanted = below.toReversed().reduce((inner, name) => ({ [name]: inner }), value);
  const entry = entryOf(parent, key);
  return entry ? replaceEntry(text, parent, entry, wanted) : insertEntry(text, parent, String(key), wanted);
}

/** Goes down as far as maps (and lists on the way) reach; the last key stays. */
function walk(root: YAMLMap.Parsed, path: Path): { parent: YAMLMap.Parsed; rest: Path } | undefined {
  let parent = root;
  let node: ParsedNode | null | undefined = root;
  let rest = path;
  for (const [depth, key] of path.slice(0, -1).entries()) {
    node = isSeq(node) ? node.items[Number(key)] : isMap(node) ? entryOf(node, key)?.value : undefined;
    if (isMap(node)) {
      parent = node;
      rest = path.slice(depth + 1);
    } else if (!isSeq(node)) break;
  }
  // A list under the last map (`tags`, 0) cannot be changed item by item in place.
  return rest.some((key) => typeof key === "number") ? undefined : { parent, rest };
}

function replaceEntry(
  text: string,
  parent: YAMLMap.Parsed,
  { key, value }: Entry,
  wanted: unknown,
): string | undefined {
  const isScalarWanted = wanted === null || typeof wanted !== "object";
  if (value?.anchor !== undefined || value?.tag !== undefined) return undefined;
  const inFlow = parent.flow === true;
  if (value && isScalarWanted && (isScalar(value) || inFlow || isFlow(value))) {
    const [start, end] = value.range;
    if (isScalar(value) && String(value.type).startsWith("BLOCK")) return undefined;
    const space = start === end ? " " : "";
    return replaced(text, start, end, space + (inFlow ? flowYaml(wanted) : blockYaml(wanted)));
  }
  const start = key.range[1];
  const end = value ? trimmedEnd(text, start, value.range[1]) : start;
  const colon = text.indexOf(":", start);
  if (colon < 0 || (value && colon > value.range[0])) return undefined;
  if (inFlow || (value && isFlow(value))) return replaced(text, colon + 1, end, ` ${flowYaml(wanted)}`);
  return replaced(text, colon + 1, Math.max(end, colon + 1), behindColon(wanted, columnOf(text, key.range[0])));
}

const isFlow = (node: ParsedNode): boolean => (isMap(node) || isSeq(node)) && node.flow === true;

/** A value after `key:` in a block map whose keys stand in a column. */
function behindColon(value: unknown, column: number): string {
  const pair = blockYaml({ k: value });
  return indented(pair.slice(2), column);
}

function insertEntry(text: string, parent: YAMLMap.Parsed, key: string, value: unknown): string | undefined {
  const last = parent.items.at(-1);
  if (parent.flow === true) {
    const pair = flowYaml({ [key]: value })
      .replace(/^\{\s*/, "")
      .replace(/\s*\}$/, "");
    const close = text.lastIndexOf("}", parent.range[1] - 1);
    if (!last) return replaced(text, parent.range[0], parent.range[1], `{ ${pair} }`);
    const end = trimmedEnd(text, last.key.range[0], endOf(last));
    return close < end ? undefined : replaced(text, end, end, `, ${pair}`);
  }
  const first = parent.items[0];
  if (!last || !first) return undefined;
  const column = columnOf(text, first.key.range[0]);
  const end = lineEnd(text, trimmedEnd(text, last.key.range[0], endOf(last)));
  return replaced(text, end, end, `\n${" ".repeat(column)}${indented(blockYaml({ [key]: value }), column)}`);
}

/** Where a pair ends; a key without a value ends behind its colon. */
const endOf = ({ key, value }: Entry): number => Math.max(value?.range[1] ?? 0, key.range[1] + 1);

/** The text without an entry, its comments above included, or `undefined` where only rewriting helps. */
export function removeEntry(text: string, root: YAMLMap.Parsed, path: Path): string | undefined {
  const found = walk(root, path);
  if (!found || found.rest.length > 1) return text;
  const { parent, rest } = found;
  const entry = entryOf(parent, rest[0] ?? "");
  if (!entry) return text;
  const index = parent.items.indexOf(entry);
  const previous = parent.items[index - 1];
  const next = parent.items[index + 1];
  const start = entry.key.range[0];
  const end = trimmedEnd(text, start, endOf(entry));
  if (!previous && !next)
    return replaced(text, parent.flow ? parent.range[0] : start, parent.flow ? parent.range[1] : end, "{}");
  if (parent.flow) {
    return previous
      ? replaced(text, trimmedEnd(text, previous.key.range[0], endOf(previous)), end, "")
      : replaced(text, start, next?.key.range[0] ?? end, "");
  }
  const line = lineStart(text, start);
  // The first key of a list's item stands behind its dash: the next one moves up.
  if (text.slice(line, start).trim() !== "") return next && replaced(text, start, next.key.range[0], "");
  return replaced(text, attachedCommentsStart(text, line), Math.min(lineEnd(text, end) + 1, text.length), "");
}
