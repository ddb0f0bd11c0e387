import { nearestName } from "#domain/names.ts";
import type { ConfigProblem } from "#domain/spec/configuration.ts";
import { proxyServiceSchema, serviceSchema, type ServiceSpec } from "#domain/spec/service.ts";
import { childOf, nodeAt, plainValue, scalarOf, withEntry, type LocatedMap, type Path } from "./located.ts";
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
    problems.push(...schemaProblems(result.error.issues, { root: map, base, dialect }));
    const mended = result.error.issues.reduce((mended, issue) => mend(mended, issue, dialect), map);
    if (mended === map) break;
    map = mended;
  }
  return { map, problems };
}

function mend(map: LocatedMap, issue: Issue, dialect: Checked["dialect"]): LocatedMap {
  const path = issue.path.map((key) => (typeof key === "number" ? key : String(key)));
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
