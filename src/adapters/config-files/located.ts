import type { ConfigProblem, Position } from "#domain/spec/configuration.ts";

export type ScalarValue = string | number | boolean | null;
export type Dialect = "portwright" | "localport";
export type Path = readonly (string | number)[];

/** A value of a file with the place where it stands. Aliases, merges and inherited defaults are already followed. */
export type Located = LocatedScalar | LocatedMap | LocatedList;

export interface LocatedScalar {
  readonly kind: "scalar";
  readonly position: Position;
  /** As it was written, without quotes, references unresolved: what may be shown. */
  readonly text: string;
  /** Written without quotes, so that it may be something else than text. */
  readonly plain: boolean;
  readonly value: ScalarValue;
  /** Its text with references replaced, where it has any: a variable has no type of its own. */
  readonly resolved?: string;
  /** Variables that it wants and that are not set; the value is then its text. */
  readonly missing?: readonly string[];
}

export interface LocatedMap {
  readonly kind: "map";
  readonly position: Position;
  readonly entries: ReadonlyMap<string, LocatedEntry>;
}

export interface LocatedEntry {
  /** Where the key stands. */
  readonly key: Position;
  readonly value: Located;
}

interface LocatedList {
  readonly kind: "list";
  readonly position: Position;
  readonly items: readonly Located[];
}

/** The same as plain data. Maps have no prototype, so that no key means anything. */
export function plainValue(node: Located): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plainValue);
  const plain = Object.create(null) as Record<string, unknown>;
  for (const [key, { value }] of node.entries) plain[key] = plainValue(value);
  return plain;
}

export const childOf = (node: Located | undefined, key: string | number): Located | undefined => {
  if (node?.kind === "map") return node.entries.get(String(key))?.value;
  return node?.kind === "list" ? node.items[Number(key)] : undefined;
};

/** What stands at a path, if anything. */
export const nodeAt = (root: Located, path: Path): Located | undefined =>
  path.reduce<Located | undefined>((node, key) => childOf(node, key), root);

/** Where a path stands: its value, or the nearest that encloses it (a missing key has no place of its own). */
export function positionAt(root: Located, path: Path): Position {
  let node: Located = root;
  let { position } = root;
  for (const key of path) {
    if (node.kind === "map") position = node.entries.get(String(key))?.key ?? position;
    const child = childOf(node, key);
    if (!child) return position;
    // An empty value has no text: its key is the better place.
    if (child.kind !== "scalar" || child.text !== "") position = child.position;
    node = child;
  }
  return position;
}

/** Where a key itself stands. */
export function keyPositionAt(root: Located, path: Path): Position {
  const parent = nodeAt(root, path.slice(0, -1));
  const entry = parent?.kind === "map" ? parent.entries.get(String(path.at(-1))) : undefined;
  return entry?.key ?? positionAt(root, path);
}

/** A map with one entry changed, added (at the end) or, for `undefined`, left out. */
export function withEntry(map: LocatedMap, key: string, value: Located | undefined, at?: Position): LocatedMap {
  const entries = new Map(map.entries);
  if (value === undefined) entries.delete(key);
  else entries.set(key, { key: at ?? entries.get(key)?.key ?? value.position, value });
  return { ...map, entries };
}

export const scalarOf = (value: ScalarValue, position: Position, text = String(value)): LocatedScalar => ({
  kind: "scalar",
  position,
  text,
  plain: true,
  value,
});

/** `services[2].connection.host`; keys that are no words are quoted. */
export const formatPath = (path: Path): string =>
  path
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`;
      if (!/^[\w-]{1,60}$/.test(key)) return `[${JSON.stringify(key.slice(0, 60))}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join("");

/** Collects problems while a file is read. */
export type Report = (problem: ConfigProblem) => void;
