import type { RawConfiguration, RawMap, RawValue } from "#domain/plan/raw-configuration.ts";
import { parseTemplate } from "#domain/references.ts";
import { templateUse } from "#domain/spec/scalars.ts";
import { blockYaml } from "./edit-lines.ts";
import { locate } from "./locate.ts";
import { childOf, type Dialect, type Located, type LocatedMap, type Path } from "./located.ts";
import { readYaml } from "./read-yaml.ts";
import { typeScalar } from "./scalar-types.ts";

/** What a text says, by name, references as they are written; names that come twice count once. Time is bounded. */
export function rawConfiguration(text: string, dialect: Dialect): RawConfiguration {
  const root = rootOf(text, dialect);
  const services = new Map<string, RawMap>();
  const environments = new Map<string, RawMap>();
  const lines = new Map<string, number>();
  const rest: Record<string, RawValue> = {};
  for (const [key, { value }] of root?.entries ?? []) {
    if (key !== "services" && key !== "environments") rest[key] = plain(value, [key], dialect);
  }
  for (const [name, item] of itemsOf(root, "services")) {
    services.set(name, plain(item, ["services", 0], dialect) as RawMap);
    lines.set(name, item.position.line);
  }
  for (const [name, item] of itemsOf(root, "environments")) {
    environments.set(name, plain(item, ["environments", 0], dialect) as RawMap);
    lines.set(`env:${name}`, item.position.line);
  }
  return { services, environments, rest, lines };
}

/** One entry of a list as YAML, credentials in plain text masked. */
export function excerptOf(text: string, dialect: Dialect, list: string, name: string): string | undefined {
  const raw = rawConfiguration(text, dialect);
  const value = (list === "services" ? raw.services : raw.environments).get(name);
  return value && `${blockYaml([masked(value, [])])}\n`;
}

function rootOf(text: string, dialect: Dialect): LocatedMap | undefined {
  const yaml = readYaml(text, dialect);
  if (!yaml.root || yaml.problems.length > 0) return undefined;
  const nothing = { report: () => undefined, lookup: () => undefined, variables: new Set<string>() };
  const root = locate(yaml.root, yaml, { dialect, ...nothing });
  return root?.kind === "map" ? root : undefined;
}

function* itemsOf(root: LocatedMap | undefined, list: string): Generator<[string, LocatedMap]> {
  const node = childOf(root, list);
  if (node?.kind !== "list") return;
  const seen = new Set<string>();
  for (const item of node.items) {
    const name = childOf(item, "name");
    if (item.kind !== "map" || name?.kind !== "scalar" || seen.has(String(name.value))) continue;
    seen.add(String(name.value));
    yield [String(name.value), item];
  }
}

/** Values with their types where they hold no reference, else the text; of credentials the template. */
function plain(node: Located, path: Path, dialect: Dialect): RawValue {
  if (node.kind === "list") return node.items.map((item, index) => plain(item, [...path, index], dialect));
  if (node.kind === "map") {
    const entries = [...node.entries].map(([key, { value }]) => [key, plain(value, [...path, key], dialect)] as const);
    return Object.fromEntries(entries);
  }
  const use = templateUse((path[0] === "services" ? path.slice(2) : path.slice(1)).join("."));
  if (use !== "ordinary") return node.value;
  return node.plain && !node.text.includes("${") ? typeScalar(node.text, dialect) : node.text;
}

function masked(value: RawValue, path: readonly string[]): unknown {
  if (Array.isArray(value)) return (value as readonly RawValue[]).map((item) => masked(item, [...path, "0"]));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value as RawMap).map(([key, item]) => [key, masked(item, [...path, key])]),
    );
  }
  if (typeof value !== "string") return value;
  if (templateUse(path.join(".")) === "credential") {
    return parseTemplate(value)
      .map((part) =>
        part.kind === "text" ? maskedText(part.text) : part.kind === "env" ? `\${env:${part.name}}` : part.source,
      )
      .join("");
  }
  return value.replaceAll(/([a-z][a-z0-9+.-]{0,20}:\/\/[^\s:/@]{0,100}):[^\s@/]{1,200}@/gi, "$1:***@");
}

/** Words before a credential, as of a header, say nothing. */
const maskedText = (text: string): string => (/^(?:Bearer|Basic|Token) $/i.test(text) || text === "" ? text : "***");
