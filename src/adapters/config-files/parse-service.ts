import { nearestName } from "#domain/names.ts";
import type { ConfigProblem } from "#domain/spec/configuration.ts";
import { proxyServiceSchema, serviceSchema, type ServiceSpec } from "#domain/spec/service.ts";
import {
  childOf,
  nodeAt,
  plainValue,
  scalarOf,
  withEntry,
  type Located,
  type LocatedMap,
  type LocatedScalar,
  type Path,
} from "./located.ts";
import { typeScalar } from "./scalar-types.ts";
import { schemaProblems, type Checked } from "./schema-problems.ts";

export interface ParsedService {
  /** As it was looked at: without keys that are ignored. */
  readonly map: LocatedMap;
  readonly problems: readonly ConfigProblem[];
  /** Absent with errors, with values that wait for a variable, and for a proxy. */
  readonly spec?: ServiceSpec;
}

type Issue = Parameters<typeof schemaProblems>[0][number];

/** Each round mends what hides other problems: an unknown technology, an unknown check, ignored keys. */
const mostRounds = 6;

/**
 * Checks a service against its schema. Where `technology` or the type of the check is wrong, the rest is checked as the
 * nearest one, so that one problem does not hide the next.
 */
export function parseService(service: LocatedMap, base: Path, dialect: Checked["dialect"]): ParsedService {
  let map = service;
  const problems: ConfigProblem[] = [];
  for (let round = 0; round < mostRounds; round++) {
    const technology = childOf(map, "technology");
    const isProxy = technology?.kind === "scalar" && technology.value === "proxy";
    const result = (isProxy ? proxyServiceSchema : serviceSchema).safeParse(plainValue(map));
    if (result.success) {
      const spec = isProxy ? undefined : (result.data as ServiceSpec);
      return { map, problems, ...(spec && { spec }) };
    }
    const { issues } = result.error;
    const untyped = issues.filter((issue) => otherwiseTyped(nodeAt(map, pathOf(issue)), dialect));
    const others = issues.filter((issue) => !untyped.includes(issue));
    problems.push(...schemaProblems(others, { root: map, base, dialect }));
    const retyped = untyped.reduce((map, issue) => retype(map, pathOf(issue), dialect), map);
    const mended = others.reduce((mended, issue) => mend(mended, issue, dialect), retyped);
    if (mended === map) break;
    map = mended;
  }
  return { map, problems };
}

const pathOf = (issue: Issue): Path => issue.path.map((key) => (typeof key === "number" ? key : String(key)));

/** The value of a variable as text in place of a number, or the other way round, where the schema wants it so. */
function otherwiseTyped(node: Located | undefined, dialect: Checked["dialect"]): LocatedScalar | undefined {
  if (node?.kind !== "scalar" || node.resolved === undefined) return undefined;
  const { resolved, ...scalar } = node;
  const value = typeof node.value === "string" ? typeScalar(resolved.trim(), dialect) : resolved;
  return value === null || typeof value === typeof node.value ? undefined : { ...scalar, value };
}

function retype(node: LocatedMap, path: Path, dialect: Checked["dialect"]): LocatedMap;
function retype(node: Located, path: Path, dialect: Checked["dialect"]): Located;
function retype(node: Located, [key, ...rest]: Path, dialect: Checked["dialect"]): Located {
  if (key === undefined) return otherwiseTyped(node, dialect) ?? node;
  const child = childOf(node, key);
  if (!child || node.kind === "scalar") return node;
  const changed = retype(child, rest, dialect);
  if (node.kind === "map") return withEntry(node, String(key), changed);
  return { ...node, items: node.items.map((item, index) => (index === key ? changed : item)) };
}

function mend(map: LocatedMap, issue: Issue, dialect: Checked["dialect"]): LocatedMap {
  const path = pathOf(issue);
  if (issue.code === "unrecognized_keys" && dialect === "localport") {
    return issue.keys.reduce((map, key) => without(map, [...path, key]), map);
  }
  if (issue.code !== "invalid_union" || !("discriminator" in issue)) return map;
  if (path[0] === "technology") {
    const guess = guessTechnology(map);
    return guess === undefined ? map : withEntry(map, "technology", scalarOf(guess, map.position));
  }
  const check = childOf(map, "health_check");
  const written = nodeAt(map, path);
  if (check?.kind !== "map" || path.join(".") !== "health_check.type") return map;
  const types = ["tcp", "http", "https", "redis", "postgres", "kafka"];
  const guess = written?.kind === "scalar" ? nearestName(written.text, types) : undefined;
  if (guess === undefined) return withEntry(map, "health_check", undefined);
  return withEntry(map, "health_check", withEntry(check, "type", scalarOf(guess, check.position)));
}

function guessTechnology(map: LocatedMap): string | undefined {
  const written = childOf(map, "technology");
  const near =
    written?.kind === "scalar" ? nearestName(written.text, ["kubernetes", "kubectl", "ssh", "proxy"]) : undefined;
  if (near !== undefined) return near;
  const connection = childOf(map, "connection");
  if (connection?.kind !== "map") return undefined;
  if (connection.entries.has("resource_name")) return "kubernetes";
  return connection.entries.has("host") ? "ssh" : undefined;
}

/** A map without the entry at a path. */
export function without(map: LocatedMap, path: Path): LocatedMap {
  const [key, ...rest] = path;
  const child = childOf(map, key ?? "");
  if (typeof key !== "string" || !child) return map;
  if (rest.length === 0) return withEntry(map, key, undefined);
  return child.kind === "map" ? withEntry(map, key, without(child, rest)) : map;
}
