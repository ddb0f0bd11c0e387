import type { VariableLookup } from "#application/ports/config-source.ts";
import { resolveEnvTemplate } from "#domain/references.ts";
import type { Configuration } from "#domain/spec/configuration.ts";
import { fileSchema } from "#domain/spec/file.ts";
import { clusterHealthOf, metadataOf } from "./cluster-health.ts";
import {
  childOf,
  formatPath,
  plainValue,
  withEntry,
  type Dialect,
  type LocatedMap,
  type LocatedScalar,
  type Path,
  type Report,
} from "./located.ts";
import { lenientValues } from "./localport-values.ts";
import { canonicalTemplate } from "./localport-variables.ts";
import { without } from "./parse-service.ts";
import { shownName } from "./problem-text.ts";
import { missingScalars, missingSentence } from "./read-service.ts";
import { schemaProblems } from "./schema-problems.ts";

/** Where a file as a whole has a problem. */
export const wholeFile = { line: 1, column: 1, code: "config_invalid" as const, path: "" };

export interface FileContext {
  readonly dialect: Dialect;
  readonly lookup: VariableLookup;
  readonly report: Report;
}

export interface CheckedFile {
  readonly map: LocatedMap;
  readonly extra: Pick<Configuration, "clusterHealth" | "metadata">;
}

/** All but the services and environments, which are checked one by one. */
export function checkFile(root: LocatedMap, { dialect, lookup, report }: FileContext): CheckedFile {
  let map = withoutEmptyLists(root);
  const defaults = childOf(map, "defaults");
  if (dialect === "localport" && defaults?.kind === "map") {
    map = withEntry(map, "defaults", lenientValues(defaults, ["defaults"], report));
  }
  checkVersion(map, dialect, report);
  checkLists(map, report);
  const access = childOf(map, "access");
  if (access) {
    const message = "access is not built yet and would not be enforced; remove it";
    report({ ...access.position, severity: "error", code: "not_supported", message, path: "access" });
    map = withEntry(map, "access", undefined);
  }
  for (let round = 0; round < 3; round++) {
    const rest = withEntry(withEntry(map, "services", undefined), "environments", undefined);
    const outside = withEntry(withEntry(map, "services", undefined), "defaults", undefined);
    for (const { scalar, path } of missingScalars(outside, [])) reportFileMissing(scalar, path, dialect, report);
    const result = fileSchema.safeParse(plainValue(rest));
    if (result.success) break;
    const { issues } = result.error;
    for (const problem of schemaProblems(issues, { root: rest, base: [], dialect })) report(problem);
    if (dialect === "portwright") break;
    map = issues.reduce(
      (map, issue) =>
        issue.code === "unrecognized_keys"
          ? issue.keys.reduce((map, key) => without(map, [...issue.path.map(String), key]), map)
          : map,
      map,
    );
  }
  return { map, extra: { ...clusterHealthOf(map, (name) => keyValue(name, dialect, lookup)), ...metadataOf(map) } };
}

/** The name of a context with its variables replaced, where LocalPort would: keys are read as they are written otherwise. */
function keyValue(key: string, dialect: Dialect, lookup: VariableLookup): string {
  const resolution = resolveEnvTemplate(dialect === "localport" ? canonicalTemplate(key).template : key, lookup);
  return resolution.ok ? resolution.value : key;
}

/** `services:` and the like with nothing behind them are empty, in either format. */
function withoutEmptyLists(map: LocatedMap): LocatedMap {
  return ["services", "environments", "defaults", "cluster_contexts", "_metadata"].reduce((map, key) => {
    const value = childOf(map, key);
    return value?.kind === "scalar" && value.value === null ? withEntry(map, key, undefined) : map;
  }, map);
}

/** No service can carry the failure of what stands outside of services. */
function reportFileMissing(scalar: LocatedScalar, path: Path, dialect: Dialect, report: Report): void {
  for (const name of scalar.missing ?? []) {
    report({
      ...scalar.position,
      severity: dialect === "portwright" ? "error" : "warning",
      code: dialect === "portwright" ? "config_invalid" : "variable_missing",
      message: missingSentence(name, dialect),
      path: formatPath(path),
      text: shownName(name),
    });
  }
}

function checkVersion(map: LocatedMap, dialect: Dialect, report: Report): void {
  const version = childOf(map, "version");
  const problem = { ...wholeFile, severity: "warning" as const, path: "version" };
  if (!version) {
    if (dialect === "localport") report({ ...problem, message: 'version is missing; write version: "1.0"' });
    return;
  }
  if (version.kind !== "scalar") return;
  if (typeof version.value === "number") {
    report({
      ...problem,
      ...version.position,
      message: 'version is a number; write it in quotes: "1.0"',
      text: version.text,
    });
  }
  if (dialect === "portwright" && !/^1(?:\.|$)/.test(version.text)) {
    report({
      ...problem,
      ...version.position,
      message: 'this Portwright reads version "1.0"',
      text: version.text.slice(0, 20),
    });
  }
}

function checkLists(map: LocatedMap, report: Report): void {
  for (const key of ["services", "environments"]) {
    const value = childOf(map, key);
    if (!value || value.kind === "list") continue;
    const message = `${key} must be a list: each entry begins with "- name:"`;
    report({ ...value.position, severity: "error", code: "config_invalid", message, path: key });
  }
  const services = childOf(map, "services");
  if (services === undefined || (services.kind === "list" && services.items.length === 0)) {
    report({
      ...wholeFile,
      ...services?.position,
      severity: "warning",
      message: "the file declares no services",
      path: "services",
    });
  }
}
