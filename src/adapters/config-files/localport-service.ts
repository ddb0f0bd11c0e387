import { declaredName } from "#domain/spec/scalars.ts";
import { shownName } from "./problem-text.ts";
import { lenientValues } from "./localport-values.ts";
import {
  childOf,
  formatPath,
  keyPositionAt,
  scalarOf,
  withEntry,
  type Located,
  type LocatedMap,
  type Path,
  type Report,
} from "./located.ts";

/** Its documented defaults, which count where a `restart_policy` is written. */
const restartDefaults = { max_attempts: 5, initial_delay: 1, backoff_multiplier: 2, max_delay: 300 };

const ignored = new Map([
  ["options", "options are ignored; SSH options belong into ~/.ssh/config, which is read"],
  ["strict_host_key_checking", "host keys are always verified; accept a new one by portwright ssh trust HOST"],
]);

/** A service of a LocalPort file in our words: jump hosts renamed, values read as LocalPort takes them. */
export function localportService(service: LocatedMap, base: Path, report: Report): LocatedMap {
  let result = lenientValues(service, base, report);
  result = dropIgnored(result, base, report);
  result = readJumpHost(result, base, report);
  checkLocalPort(result, base, report);
  return result;
}

/** A service that has inherited `defaults`, with LocalPort's own defaults where it writes a `restart_policy`. */
export function withRestartDefaults(service: LocatedMap): LocatedMap {
  const policy = childOf(service, "restart_policy");
  return policy?.kind === "map" ? withEntry(service, "restart_policy", filledPolicy(policy)) : service;
}

function filledPolicy(policy: LocatedMap): LocatedMap {
  let result = policy;
  for (const [key, value] of Object.entries(restartDefaults)) {
    if (!policy.entries.has(key)) result = withEntry(result, key, scalarOf(value, policy.position));
  }
  return result;
}

function dropIgnored(service: LocatedMap, base: Path, report: Report): LocatedMap {
  const connection = childOf(service, "connection");
  if (connection?.kind !== "map") return service;
  let result = connection;
  for (const key of connection.entries.keys()) {
    const path = [...base, "connection", key];
    const at = keyPositionAt(service, ["connection", key]);
    const message = key === "passphrase" ? "LocalPort ignores passphrase; it is used here" : ignored.get(key);
    if (message === undefined) continue;
    report({ ...at, severity: "warning", code: "config_invalid", message, path: formatPath(path), text: key });
    if (key !== "passphrase") result = withEntry(result, key, undefined);
  }
  return withEntry(service, "connection", result);
}

/** `jump_host` and `proxy_jump` (a text with commas, or a list), which LocalPort ignores, are `via`. */
function readJumpHost(service: LocatedMap, base: Path, report: Report): LocatedMap {
  const connection = childOf(service, "connection");
  if (connection?.kind !== "map") return service;
  let result = service;
  let left = connection;
  for (const key of ["jump_host", "proxy_jump"]) {
    const value = childOf(connection, key);
    if (!value) continue;
    left = withEntry(left, key, undefined);
    const hops = hopsOf(value);
    const at = keyPositionAt(service, ["connection", key]);
    const problem = {
      ...at,
      code: "config_invalid" as const,
      path: formatPath([...base, "connection", key]),
      text: key,
    };
    if (hops === undefined) {
      report({
        ...problem,
        severity: "warning",
        message: `${key} is ignored; write via: [user@host:port] in the service`,
      });
    } else {
      report({ ...problem, severity: "warning", message: `${key} is read as via; write via: [host] in the service` });
      if (!result.entries.has("via"))
        result = withEntry(result, "via", { kind: "list", position: value.position, items: hops }, at);
    }
  }
  return withEntry(result, "connection", left);
}

function hopsOf(value: Located): Located[] | undefined {
  if (value.kind === "list") return [...value.items];
  if (value.kind !== "scalar" || typeof value.value !== "string") return undefined;
  if (value.missing) return [value];
  const hosts = value.value.split(",").map((host) => host.trim());
  return hosts.filter(Boolean).map((host) => scalarOf(host, value.position));
}

/** Absent or 0 means a free port in `portwright.yaml`; LocalPort wants one. */
function checkLocalPort(service: LocatedMap, base: Path, report: Report): void {
  const port = childOf(service, "local_port");
  if (port && (port.kind !== "scalar" || port.missing || port.value !== 0)) return;
  report({
    ...(port ?? service).position,
    severity: "error",
    code: "config_invalid",
    message: port ? "local_port must be at least 1" : "local_port is missing; write a port from 1 to 65535",
    path: formatPath([...base, "local_port"]),
  });
}

/**
 * The name of a service of LocalPort's, which may hold anything but blanks only. A name that could not stand in an
 * address of ours is kept, with a warning; one that shows as something else than it is, is refused.
 */
export function checkLocalportName(name: Located | undefined, base: Path, report: Report): string | undefined {
  if (name?.kind !== "scalar" || typeof name.value !== "string" || name.value.trim() === "") return undefined;
  if (declaredName.safeParse(name.value).success) return name.value;
  const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name.value);
  report({
    ...name.position,
    severity: invisible ? "error" : "warning",
    code: "config_invalid",
    message: invisible
      ? "name holds characters that do not show; write it in plain letters"
      : "name should be letters, digits, - and _ (at most 63), starting with a letter or a digit",
    path: formatPath([...base, "name"]),
    text: shownName(name.text),
  });
  return name.value;
}
