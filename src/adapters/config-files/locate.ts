import { isAlias, isMap, isScalar, isSeq, type Alias, type ParsedNode, type Scalar, type YAMLMap } from "yaml";
import type { Position } from "#domain/spec/configuration.ts";
import { formatPath, type Located, type LocatedEntry, type LocatedMap, type Path } from "./located.ts";
import { shownName } from "./problem-text.ts";
import type { YamlText } from "./read-yaml.ts";
import { resolveScalar, type ScalarContext } from "./resolve-scalar.ts";

/** How many values aliases may add: far more than a large file shares, far less than a "billion laughs". */
const mostAliasedValues = 20_000;

type Node = ParsedNode;
type Value = Exclude<Node, Alias.Parsed>;

interface Walk extends ScalarContext {
  readonly yaml: YamlText;
  readonly anchors: Map<string, Node>;
  /** Nodes that are being read: an alias to one of them has no end. */
  readonly open: Set<Node>;
  aliased: number;
  aliasDepth: number;
}

const yamlTag = "tag:yaml.org,2002:";

/**
 * The nodes of a file as located values: aliases and (in LocalPort's files) merges followed, within bounds, references
 * replaced, types read, keys that come twice reported. What cannot be read is reported and left out.
 */
export function locate(root: ParsedNode, yaml: YamlText, context: ScalarContext): Located | undefined {
  return read(root, [], { ...context, yaml, anchors: new Map(), open: new Set(), aliased: 0, aliasDepth: 0 });
}

function read(node: Node, path: Path, walk: Walk): Located | undefined {
  if (isAlias(node)) return followAlias(node, path, walk);
  if (walk.aliasDepth > 0 && ++walk.aliased > mostAliasedValues) {
    if (walk.aliased === mostAliasedValues + 1) {
      fail(walk, node, path, `aliases repeat more than ${mostAliasedValues} values; write the values, or use defaults`);
    }
    return undefined;
  }
  if (node.anchor !== undefined && walk.aliasDepth === 0) walk.anchors.set(node.anchor, node);
  walk.open.add(node);
  try {
    return readNode(node, path, walk);
  } finally {
    walk.open.delete(node);
  }
}

function readNode(node: Value, path: Path, walk: Walk): Located | undefined {
  const position = positionOf(node, walk);
  if (isMap(node)) return allowed(node, ["map"], path, walk) ? readMap(node, path, walk) : undefined;
  if (isSeq(node)) {
    if (!allowed(node, ["seq"], path, walk)) return undefined;
    const items = node.items.flatMap((item, index) => read(item, [...path, index], walk) ?? []);
    return { kind: "list", position, items };
  }
  if (!allowed(node, ["str", "int", "float", "bool", "null"], path, walk)) return undefined;
  const text = walk.yaml.restore(scalarText(node));
  const typed = node.tag === undefined || (node.tag !== "!" && node.tag !== `${yamlTag}str`);
  const plain = typed && (node.type === "PLAIN" || node.tag !== undefined);
  return resolveScalar({ position, text, plain }, path, walk);
}

function followAlias(alias: Alias.Parsed, path: Path, walk: Walk): Located | undefined {
  const target = walk.anchors.get(alias.source);
  if (!target) {
    fail(walk, alias, path, "there is no anchor of this name before it", shownName(`*${alias.source}`));
    return undefined;
  }
  if (walk.open.has(target)) {
    fail(walk, alias, path, "the anchor holds itself, without end", shownName(`*${alias.source}`));
    return undefined;
  }
  walk.aliasDepth++;
  const value = read(target, path, walk);
  walk.aliasDepth--;
  return value;
}

function readMap(map: YAMLMap.Parsed, path: Path, walk: Walk): LocatedMap {
  const entries = new Map<string, LocatedEntry>();
  const merged = new Map<string, LocatedEntry>();
  for (const { key: keyNode, value } of map.items) {
    const key = keyText(keyNode, path, walk);
    if (key === undefined) continue;
    const at = positionOf(keyNode, walk);
    if (key === "<<" && isPlain(keyNode) && walk.dialect === "localport") {
      mergeInto(merged, value, path, walk);
      continue;
    }
    const located = value
      ? read(value, [...path, key], walk)
      : resolveScalar({ position: at, text: "", plain: true }, [...path, key], walk);
    if (entries.has(key)) reportDuplicate(key, at, path, walk);
    // The last of equal keys stands where the first stood, as a mapping does.
    if (located) entries.set(key, { key: at, value: located });
  }
  const all = new Map([...merged].filter(([key]) => !entries.has(key)));
  return { kind: "map", position: positionOf(map, walk), entries: new Map([...entries, ...all]) };
}

/** YAML 1.1's merge: own keys win, and of several maps the earlier. */
function mergeInto(merged: Map<string, LocatedEntry>, value: Node | null, path: Path, walk: Walk): void {
  const located = value ? read(value, path, walk) : undefined;
  const sources = located?.kind === "list" ? located.items : located ? [located] : [];
  for (const source of sources) {
    if (source.kind !== "map") {
      if (value) fail(walk, value, path, "<< takes a map, or a list of maps");
      continue;
    }
    for (const [key, entry] of source.entries) if (!merged.has(key)) merged.set(key, entry);
  }
}

function reportDuplicate(key: string, position: Position, path: Path, walk: Walk): void {
  const lenient = walk.dialect === "localport";
  walk.report({
    ...position,
    severity: lenient ? "warning" : "error",
    code: "config_invalid",
    message: lenient ? "this key comes twice; the last one counts" : "this key comes twice; keep one",
    path: formatPath([...path, key]),
    text: shownName(key),
  });
}

/** All scalars are text: the parser runs with the failsafe schema. */
const scalarText = ({ value }: Scalar.Parsed): string => (typeof value === "string" ? value : "");

const isPlain = (node: Node): node is Scalar.Parsed => isScalar(node) && node.type === "PLAIN";

function keyText(node: Node | null, path: Path, walk: Walk): string | undefined {
  const target = isAlias(node) ? walk.anchors.get(node.source) : node;
  if (isScalar(target)) {
    if (node === target && node.anchor !== undefined && walk.aliasDepth === 0) walk.anchors.set(node.anchor, node);
    // As it was written: keys are shown, and no value of a variable is.
    return walk.yaml.restore(scalarText(target));
  }
  if (node) fail(walk, node, path, "a key must be plain text");
  return undefined;
}

function allowed(node: Value, kinds: readonly string[], path: Path, walk: Walk): boolean {
  if (node.tag === undefined || node.tag === "!" || kinds.some((kind) => node.tag === yamlTag + kind)) return true;
  fail(walk, node, path, "a tag (!name) has no meaning in a configuration; remove it");
  return false;
}

const positionOf = (node: Node | null, walk: Walk): Position => walk.yaml.positionOf(node?.range?.[0] ?? 0);

function fail(walk: Walk, node: Node, path: Path, message: string, text?: string): void {
  walk.report({
    ...positionOf(node, walk),
    severity: "error",
    code: "config_invalid",
    message,
    path: formatPath(path),
    ...(text !== undefined && { text }),
  });
}
