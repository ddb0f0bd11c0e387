import type { ConfigReading, VariableLookup } from "#application/ports/config-source.ts";
import type { Configuration } from "#domain/spec/configuration.ts";
import { checkFile, wholeFile } from "./check-file.ts";
import { locate } from "./locate.ts";
import { childOf, type Dialect, type Located, type LocatedMap, type Report } from "./located.ts";
import { orderedProblems, problemList } from "./problem-list.ts";
import { readEnvironments } from "./read-environments.ts";
import { readService, type ReadService } from "./read-service.ts";
import { readYaml } from "./read-yaml.ts";
import { checkRelations, secondName } from "./relations.ts";

/** A configuration text as what it declares, or with everything that is wrong about it. Pure; time is bounded. */
export function interpret(path: string, text: string, dialect: Dialect, lookup: VariableLookup): ConfigReading {
  const variables = new Set<string>();
  const { problems, report } = problemList();
  const yaml = readYaml(text, dialect);
  for (const problem of yaml.problems) report(problem);
  const invalid = (): ConfigReading => ({ ok: false, path, problems: orderedProblems(problems()) });
  if (problems().length > 0) return invalid();
  const root = yaml.root && locate(yaml.root, yaml, { dialect, lookup, report, variables });
  const map = rootMap(root, dialect, report);
  // Where the text itself cannot be followed, what it would mean is guesswork.
  if (!map || problems().some(({ severity }) => severity === "error" && !root)) return invalid();
  const file = checkFile(map, { dialect, lookup, report });
  const services = readServices(file.map, dialect, report);
  checkRelations(services, dialect, report);
  const environments = readEnvironments(childOf(file.map, "environments"), renamed(services), dialect, report);
  if (problems().some(({ severity, code }) => severity === "error" && code !== "variable_missing")) return invalid();
  const configuration: Configuration = {
    path,
    dialect,
    services: renamed(services).map(({ declaration }) => declaration),
    environments,
    warnings: orderedProblems(problems()),
    variables: [...variables],
    ...file.extra,
  };
  return { ok: true, configuration };
}

/** Far more than anybody forwards; each may have a dozen problems. */
const mostServices = 2000;

function rootMap(root: Located | undefined, dialect: Dialect, report: Report): LocatedMap | undefined {
  if (root?.kind === "map") return dialect === "localport" ? withoutNulls(root) : root;
  const isEmpty = root === undefined || (root.kind === "scalar" && root.value === null);
  if (isEmpty && dialect === "localport") {
    report({ ...wholeFile, severity: "warning", message: "the file is empty; it declares no services" });
    return { kind: "map", position: { line: 1, column: 1 }, entries: new Map() };
  }
  const message = isEmpty
    ? "the file is empty; declare services: with a list of them"
    : "a configuration is a map of keys and values, with services: and a list of them";
  report({ ...wholeFile, ...root?.position, severity: "error", message });
  return undefined;
}

function withoutNulls(map: LocatedMap): LocatedMap {
  const entries = [...map.entries].filter(([, { value }]) => value.kind !== "scalar" || value.value !== null);
  return { ...map, entries: new Map(entries) };
}

function readServices(map: LocatedMap, dialect: Dialect, report: Report): ReadService[] {
  const services = childOf(map, "services");
  if (services?.kind !== "list") return [];
  const tooMany = services.items[mostServices];
  if (tooMany) {
    const message = `the file declares more than ${mostServices} services; split it into several configurations`;
    report({ ...wholeFile, ...tooMany.position, severity: "error", message, path: "services" });
    return [];
  }
  const context = { dialect, defaults: childOf(map, "defaults"), report };
  return services.items.flatMap((item, index) => readService(item, index, context) ?? []);
}

/** Services of LocalPort's with one name both run there; the second gets a name of its own. */
function renamed(services: readonly ReadService[]): ReadService[] {
  const result: ReadService[] = [];
  for (const service of services) {
    const { name, spec } = service.declaration;
    if (!result.some(({ declaration }) => declaration.name === name)) result.push(service);
    else {
      const other = secondName(name, [...services, ...result]);
      const declaration = spec
        ? { ...service.declaration, name: other, spec: { ...spec, name: other } }
        : { ...service.declaration, name: other };
      result.push({ ...service, declaration });
    }
  }
  return result;
}
