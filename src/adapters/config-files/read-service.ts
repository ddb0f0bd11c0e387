import type { Failure } from "#domain/connectivity-error.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Position, ServiceDeclaration } from "#domain/spec/configuration.ts";
import { isLoopbackName } from "#domain/spec/checks/http.ts";
import { inheritDefaults } from "./defaults.ts";
import { checkLocalportName, localportService, withRestartDefaults } from "./localport-service.ts";
import {
  childOf,
  formatPath,
  nodeAt,
  plainValue,
  scalarOf,
  withEntry,
  type Dialect,
  type Located,
  type LocatedMap,
  type LocatedScalar,
  type Path,
  type Report,
} from "./located.ts";
import { proxyNotBuilt } from "./not-built-yet.ts";
import { parseService } from "./parse-service.ts";
import { shownName } from "./problem-text.ts";

/** A service with what the checks between services need, whether it can run or not. */
export interface ReadService {
  readonly declaration: ServiceDeclaration;
  readonly path: Path;
  readonly map: LocatedMap;
  readonly enabled: boolean;
  readonly tags: readonly string[];
  readonly dependsOn: readonly string[];
  readonly localPort: number;
  readonly listen: string;
}

export interface ServiceContext {
  readonly dialect: Dialect;
  readonly defaults: Located | undefined;
  readonly report: Report;
}

/** One entry of `services`, with all that is wrong about it reported. */
export function readService(item: Located, index: number, context: ServiceContext): ReadService | undefined {
  const { dialect, report } = context;
  const path: Path = ["services", index];
  if (item.kind !== "map") {
    const message = "a service must be a map of keys and values, beginning with name";
    report({ ...item.position, severity: "error", code: "config_invalid", message, path: formatPath(path) });
    return undefined;
  }
  const own = dialect === "localport" ? localportService(item, path, report) : item;
  const inherited = inheritDefaults(own, context.defaults);
  const whole = dialect === "localport" ? withRestartDefaults(inherited) : inherited;
  const nameNode = childOf(whole, "name");
  // A name of LocalPort's that ours does not allow is kept; the schema looks at a stand-in.
  const localportName = dialect === "localport" ? checkLocalportName(nameNode, path, report) : undefined;
  const standIn = `service-${index + 1}`;
  const shaped =
    localportName === undefined
      ? whole
      : withEntry(whole, "name", scalarOf(standIn, nameNode?.position ?? whole.position));
  const { map, problems, spec } = parseService(shaped, path, dialect);
  for (const problem of problems) report(problem);
  const plain = plainValue(map) as Record<string, unknown>;
  const name = localportName ?? nameOf(nameNode) ?? standIn;
  const enabled = plain["enabled"] !== false;
  const position = nameNode?.position ?? item.position;
  checkPlaces(map, path, report);
  const failure = reportMissing(map, path, enabled, context) ?? reportUnbuilt(plain, spec, position, path, report);
  // Without a specification and without a cause there was an error, and the file is not in force at all.
  const declaration: ServiceDeclaration =
    spec && !failure
      ? { name, position, spec: { ...spec, name } }
      : { name, position, failure: failure ?? { code: "config_invalid", message: "its declaration is not valid" } };
  return {
    declaration,
    path,
    map,
    enabled,
    tags: texts(plain["tags"]),
    dependsOn: texts(plain["depends_on"]),
    localPort: typeof plain["local_port"] === "number" && isListening(plain) ? plain["local_port"] : 0,
    listen: typeof plain["listen"] === "string" ? plain["listen"] : "127.0.0.1",
  };
}

/** The local port of a remote forward is a target: others may have it too, and any program may listen there. */
const isListening = ({ connection }: Record<string, unknown>): boolean =>
  (connection as { readonly direction?: unknown } | undefined)?.direction !== "remote";

const nameOf = (node: Located | undefined): string | undefined =>
  node?.kind === "scalar" && typeof node.value === "string" && !node.missing && node.value !== ""
    ? node.value
    : undefined;

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];

/** Variables that the service wants and that nobody has set: its failure, and a problem where each is named. */
function reportMissing(
  map: LocatedMap,
  base: Path,
  enabled: boolean,
  { dialect, report }: ServiceContext,
): Failure | undefined {
  const names = new Set<string>();
  for (const { scalar, path } of missingScalars(map, base)) {
    for (const name of scalar.missing ?? []) {
      names.add(name);
      report({
        ...scalar.position,
        severity: dialect === "portwright" && enabled ? "error" : "warning",
        code: "variable_missing",
        message: missingSentence(name, dialect),
        path: formatPath(path),
        text: shownName(name),
      });
    }
  }
  if (names.size === 0) return undefined;
  const [first = ""] = names;
  const message =
    names.size === 1
      ? `the variable ${first} is not set`
      : `${names.size} variables are not set: ${[...names].join(", ")}`;
  return { code: "variable_missing", message, facts: { variables: [...names] } };
}

export const missingSentence = (name: string, dialect: Dialect): string =>
  `the variable ${name} is not set and has no default; set it, or write \${${dialect === "localport" ? "" : "env:"}${name}:default}`;

/** Values that wait for a variable, in order. */
export function missingScalars(node: Located, path: Path): { scalar: LocatedScalar; path: Path }[] {
  if (node.kind === "scalar") return node.missing ? [{ scalar: node, path }] : [];
  if (node.kind === "list") return node.items.flatMap((item, index) => missingScalars(item, [...path, index]));
  return [...node.entries].flatMap(([key, { value }]) => missingScalars(value, [...path, key]));
}

function reportUnbuilt(
  plain: Record<string, unknown>,
  spec: ServiceSpec | undefined,
  position: Position,
  path: Path,
  report: Report,
): Failure | undefined {
  const problem = { ...position, severity: "warning" as const, code: "not_supported" as const, path: formatPath(path) };
  if (spec?.technology === "ssh" && spec.balance !== undefined) {
    report({
      ...problem,
      message: "balance has no effect on an SSH forward: it has one target",
      path: formatPath([...path, "balance"]),
    });
  }
  const failure = plain["technology"] === "proxy" ? proxyNotBuilt : undefined;
  if (failure) report({ ...problem, message: failure.message });
  return failure;
}

/** A check runs through the service's path; one that names another place is said to. */
function checkPlaces(map: LocatedMap, path: Path, report: Report): void {
  const localPort = nodeAt(map, ["local_port"]);
  if (localPort?.kind !== "scalar" || typeof localPort.value !== "number" || localPort.value === 0) return;
  const config = ["health_check", "config"];
  for (const key of ["url", "port", "host", "bootstrap_servers"]) {
    const node = nodeAt(map, [...config, key]);
    if (node?.kind !== "scalar" || node.missing) continue;
    const elsewhere = otherPlace(key, node.value, localPort.value);
    if (!elsewhere) continue;
    report({
      ...node.position,
      severity: "warning",
      code: "config_invalid",
      message: `${key} names another place than the local port; the check runs through the service's own path`,
      path: formatPath([...path, ...config, key]),
    });
  }
}

function otherPlace(key: string, value: LocatedScalar["value"], localPort: number): boolean {
  if (key === "port") return typeof value === "number" && value !== localPort;
  if (typeof value !== "string") return false;
  // The host of an HTTP check is its Host header.
  if (key === "host") return false;
  if (key === "bootstrap_servers") return value.split(",").some((server) => !server.trim().endsWith(`:${localPort}`));
  if (!URL.canParse(value)) return false;
  const { hostname, port, protocol } = new URL(value);
  return !isLoopbackName(hostname) || Number(port || (protocol === "https:" ? 443 : 80)) !== localPort;
}
