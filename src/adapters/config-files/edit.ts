import { isDeepStrictEqual } from "node:util";
import { LineCounter, isMap, isSeq, parseDocument, type Document, type YAMLMap, type YAMLSeq } from "yaml";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ConfigEdit } from "#domain/plan/config-edit.ts";
import { addItem, removeItem } from "./edit-list.ts";
import { removeEntry, setEntry } from "./edit-map.ts";
import type { Dialect, Path } from "./located.ts";
import { maskVariables } from "./localport-variables.ts";
import { readTokens } from "./yaml-tokens.ts";

type List = "services" | "environments";

/**
 * A configuration text with changes made, everything else as it was: comments, order, spacing, quotes. Comments directly
 * above what is removed go with it. Each change is checked by reading the result; where it cannot be made in the text
 * alone, the file is written anew, with comments and order kept and spacing normalised.
 * @throws ConnectivityError `config_invalid` when the text is no YAML; `unknown_service`, `unknown_environment`;
 * `invalid_arguments` for a path that leads through something that is no map
 */
export function editConfiguration(text: string, edits: readonly ConfigEdit[], dialect: Dialect): string {
  return edits.reduce((text, edit) => editOnce(text, edit, dialect), text);
}

function editOnce(text: string, edit: ConfigEdit, dialect: Dialect): string {
  const { text: masked, restore } = dialect === "localport" ? maskVariables(text) : { text, restore: String };
  const document = parse(masked, dialect);
  try {
    return edited(text, edit, dialect, document, restore);
  } catch (thrown) {
    if (thrown instanceof ConnectivityError) throw thrown;
    // An alias or a merge that leads nowhere: the reader says where.
    throw unusable(thrown);
  }
}

function edited(
  text: string,
  edit: ConfigEdit,
  dialect: Dialect,
  document: Document.Parsed,
  restore: (piece: string) => string,
): string {
  const inText = splice(text, document, edit);
  applyTo(document, edit);
  if (inText !== undefined) {
    const again = tryParse(dialect === "localport" ? maskVariables(inText).text : inText, dialect);
    if (again && isDeepStrictEqual(valueOf(again, restoreOf(inText, dialect)), valueOf(document, restore)))
      return inText;
  }
  return restore(document.toString({ lineWidth: 0 }));
}

const restoreOf = (text: string, dialect: Dialect) => (dialect === "localport" ? maskVariables(text).restore : String);

/** Plain data with variables as they were written, for comparison. */
function valueOf(document: Document.Parsed, restore: (text: string) => string): unknown {
  return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 10_000 })), (_, value: unknown) =>
    typeof value === "string" ? restore(value) : value,
  );
}

function tryParse(text: string, dialect: Dialect): Document.Parsed | undefined {
  if (!readTokens(text, new LineCounter()).ok) return undefined;
  const document = parseDocument(text, {
    version: dialect === "localport" ? "1.1" : "1.2",
    merge: dialect === "localport",
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  return document.errors.length === 0 ? document : undefined;
}

function parse(text: string, dialect: Dialect): Document.Parsed {
  const document = tryParse(text, dialect);
  if (document && (document.contents === null || isMap(document.contents))) return document;
  throw unusable();
}

const unusable = (cause?: unknown): ConnectivityError =>
  new ConnectivityError("config_invalid", "the configuration cannot be changed before it is valid", {}, { cause });

const rootOf = (document: Document.Parsed): YAMLMap.Parsed | undefined =>
  isMap(document.contents) ? document.contents : undefined;

function listOf(document: Document.Parsed, list: List): YAMLSeq.Parsed | undefined {
  const node = rootOf(document)?.get(list, true);
  return isSeq(node) ? (node as unknown as YAMLSeq.Parsed) : undefined;
}

function indexOf(document: Document.Parsed, list: List, name: string): number {
  const items = listOf(document, list)?.items ?? [];
  const index = items.findIndex((item) => isMap(item) && String(item.get("name")) === name);
  if (index >= 0) return index;
  const code = list === "services" ? "unknown_service" : "unknown_environment";
  throw new ConnectivityError(code, `the file declares no ${name} under ${list}`, { name });
}

/** The path of an edit from the top of the file. */
function fullPath(document: Document.Parsed, edit: Extract<ConfigEdit, { path: Path }>): Path {
  if (edit.list === undefined) return edit.path;
  return [edit.list, indexOf(document, edit.list, edit.name ?? ""), ...edit.path];
}

function splice(text: string, document: Document.Parsed, edit: ConfigEdit): string | undefined {
  const root = rootOf(document);
  switch (edit.op) {
    case "add":
      return addItem(text, root, edit.list, edit.value);
    case "remove":
      return removeItem(text, listOf(document, edit.list), indexOf(document, edit.list, edit.name));
    case "set":
      return root && setEntry(text, root, checked(document, edit), edit.value);
    case "unset":
      return root && removeEntry(text, root, checked(document, edit));
  }
}

/** @throws ConnectivityError `invalid_arguments` for a path that ends in nothing, or leads through something that is no map */
function checked(document: Document.Parsed, edit: Extract<ConfigEdit, { path: Path }>): Path {
  const path = fullPath(document, edit);
  const wrong = (why: string): ConnectivityError =>
    new ConnectivityError("invalid_arguments", `the key ${edit.path.join(".")} cannot be changed: ${why}`);
  if (edit.path.length === 0) throw new ConnectivityError("invalid_arguments", "a change names a key");
  for (let depth = path.length - 1; depth > 0; depth--) {
    const parent: unknown = document.getIn(path.slice(0, depth), true);
    if (parent === undefined || isMap(parent) || isSeq(parent)) continue;
    const isEmpty = (parent as { value?: unknown }).value === null;
    if (!isEmpty) throw wrong(`${String(path[depth - 1])} is no map of keys and values`);
  }
  return path;
}

/** The same change on the parsed document: what the text must mean afterwards. */
function applyTo(document: Document.Parsed, edit: ConfigEdit): void {
  switch (edit.op) {
    case "add":
      if (listOf(document, edit.list)) document.addIn([edit.list], document.createNode(edit.value));
      else document.setIn([edit.list], document.createNode([edit.value]));
      return;
    case "remove":
      document.deleteIn([edit.list, indexOf(document, edit.list, edit.name)]);
      return;
    case "set": {
      const path = fullPath(document, edit);
      clearEmpty(document, path);
      document.setIn(path, document.createNode(edit.value));
      return;
    }
    case "unset":
      document.deleteIn(fullPath(document, edit));
  }
}

/** A key without a value on the way becomes a map. */
function clearEmpty(document: Document.Parsed, path: Path): void {
  for (let depth = 1; depth < path.length; depth++) {
    const node: unknown = document.getIn(path.slice(0, depth), true);
    if (node !== undefined && !isMap(node) && !isSeq(node)) document.deleteIn(path.slice(0, depth));
  }
}
