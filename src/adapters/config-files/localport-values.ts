import type { ConfigProblem } from "#domain/spec/configuration.ts";
import {
  formatPath,
  scalarOf,
  type Located,
  type LocatedMap,
  type LocatedScalar,
  type Path,
  type Report,
} from "./located.ts";
import { shownText } from "./problem-text.ts";
import { typeYaml11 } from "./scalar-types.ts";

/** What a key of LocalPort's holds, with the bounds of its documentation (its loader checks neither). */
type Reading =
  | { readonly as: "number"; readonly min?: number; readonly max?: number; readonly quiet?: boolean }
  | { readonly as: "boolean" | "text" | "texts" | "numbers" | "upper" | "joined" };

const number = (min?: number, max?: number): Reading => ({
  as: "number",
  ...(min !== undefined && { min }),
  ...(max !== undefined && { max }),
});
const text: Reading = { as: "text" };
const boolean: Reading = { as: "boolean" };

const clusterHealth = {
  enabled: boolean,
  interval: number(60, 3600),
  timeout: number(5, 300),
  retry_attempts: number(0, 10),
  failure_threshold: number(1, 100),
};

/** Keys joined with dots, without `services[n]` or `defaults`; `*` is any key. */
const readings = new Map(
  Object.entries<Reading>({
    name: text,
    local_port: number(),
    remote_port: number(),
    enabled: boolean,
    tags: { as: "texts" },
    description: text,
    "connection.resource_name": text,
    "connection.namespace": text,
    "connection.context": text,
    "connection.host": text,
    "connection.user": text,
    "connection.key_file": text,
    "connection.remote_host": text,
    "connection.port": { as: "number", quiet: true },
    "health_check.interval": number(1, 3600),
    "health_check.timeout": number(0.1, 300),
    "health_check.failure_threshold": number(1, 100),
    "health_check.success_threshold": number(1, 100),
    "health_check.cluster_aware": boolean,
    "health_check.config.host": text,
    "health_check.config.port": number(),
    "health_check.config.timeout": number(0.1, 300),
    "health_check.config.method": { as: "upper" },
    "health_check.config.expected_status": number(),
    "health_check.config.expected_status_codes": { as: "numbers" },
    "health_check.config.expected_content": text,
    "health_check.config.headers.*": text,
    "health_check.config.verify_ssl": boolean,
    "health_check.config.database": text,
    "health_check.config.user": text,
    "health_check.config.bootstrap_servers": { as: "joined" },
    "restart_policy.enabled": boolean,
    "restart_policy.max_attempts": number(1, 100),
    "restart_policy.initial_delay": number(1, 3600),
    "restart_policy.backoff_multiplier": number(1, 10),
    "restart_policy.max_delay": number(1, 86_400),
    ...Object.fromEntries(Object.entries(clusterHealth).map(([key, reading]) => [`cluster_health.${key}`, reading])),
  }),
);

const readingAt = (keys: Path): Reading | undefined =>
  readings.get(keys.join(".")) ?? readings.get([...keys.slice(0, -1), "*"].join("."));

/**
 * Values as LocalPort takes them, without its checks: numbers and booleans in quotes, one text for a list, numbers
 * where text belongs, what is out of bounds moved to the bound; empty keys count as absent. Each of these is a warning
 * that says what to write.
 */
export function lenientValues(map: LocatedMap, base: Path, report: Report, keys: Path = []): LocatedMap {
  const entries = new Map(map.entries);
  for (const [key, entry] of map.entries) {
    const { value } = entry;
    const path = [...keys, key];
    if (value.kind === "scalar" && value.value === null) {
      entries.delete(key);
      continue;
    }
    const reading = readingAt(path);
    let lenient = value;
    if (reading) lenient = readAs(value, reading, warn(report, [...base, ...path]));
    else if (value.kind === "map") lenient = lenientValues(value, base, report, path);
    entries.set(key, { ...entry, value: lenient });
  }
  return { ...map, entries };
}

type Warn = (value: Located, message: string) => void;

const warn =
  (report: Report, path: Path): Warn =>
  (value, message) => {
    const shown = value.kind === "scalar" ? shownText(value.text, path.join(".")) : undefined;
    const problem: ConfigProblem = {
      ...value.position,
      severity: "warning",
      code: "config_invalid",
      message: `${String(path.at(-1))} ${message}`,
      path: formatPath(path),
      ...(shown !== undefined && { text: shown }),
    };
    report(problem);
  };

function readAs(value: Located, reading: Reading, warned: Warn): Located {
  if (reading.as === "texts") return asTexts(value, warned);
  if (reading.as === "numbers") return asList(value);
  if (reading.as === "joined") return asJoined(value);
  if (value.kind !== "scalar" || value.missing) return value;
  switch (reading.as) {
    case "number":
      return asNumber(value, reading, warned);
    case "boolean":
      return asBoolean(value, warned);
    case "upper":
      return typeof value.value === "string" ? { ...value, value: value.value.toUpperCase() } : value;
    case "text":
      return typeof value.value === "string" ? value : { ...value, value: value.text };
  }
}

function asNumber(value: LocatedScalar, reading: Extract<Reading, { as: "number" }>, warned: Warn): LocatedScalar {
  const { min = -Infinity, max = Infinity, quiet } = reading;
  let result = value.value;
  if (typeof result === "string" && /^\s*[-+]?\d+(?:\.\d+)?\s*$/.test(result)) {
    result = Number(result);
    if (!quiet) warned(value, "is a number in quotes; write it without them");
  }
  if (typeof result !== "number" || Number.isNaN(result)) return value;
  const bounded = Math.min(max, Math.max(min, result));
  if (bounded !== result) warned(value, `must lie between ${min} and ${max}; ${bounded} is used`);
  return { ...value, value: bounded };
}

function asBoolean(value: LocatedScalar, warned: Warn): LocatedScalar {
  const read = typeof value.value === "string" ? typeYaml11(value.value.trim()) : value.value;
  if (typeof read === "boolean" && read !== value.value) {
    warned(value, "is in quotes; write true or false without them");
    return { ...value, value: read };
  }
  if (read === 0 || read === 1) {
    warned(value, `is read as ${read === 1}; write true or false`);
    return { ...value, value: read === 1 };
  }
  return value;
}

const asList = (value: Located): Located =>
  value.kind === "scalar" ? { kind: "list", position: value.position, items: [value] } : value;

function asTexts(value: Located, warned: Warn): Located {
  if (value.kind === "scalar") warned(value, "is one text; write a list: [a, b]");
  const list = asList(value);
  if (list.kind !== "list") return list;
  const items = list.items.map((item) =>
    item.kind === "scalar" && typeof item.value !== "string" && item.value !== null
      ? { ...item, value: item.text }
      : item,
  );
  return { ...list, items };
}

function asJoined(value: Located): Located {
  if (value.kind !== "list") return value;
  const texts = value.items.map((item) => (item.kind === "scalar" ? String(item.value) : ""));
  return scalarOf(texts.join(","), value.position);
}
