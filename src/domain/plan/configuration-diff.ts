import { isRawMap, sameValue, type RawConfiguration, type RawMap } from "./raw-configuration.ts";

/** One thing that differs between two configurations. */
export interface ConfigurationChange {
  /** The service's name, `env:NAME`, or `file` for what stands beside both. */
  readonly id: string;
  readonly op: "add" | "change" | "remove";
  readonly service?: string;
  readonly environment?: string;
  /** The keys that differ, as they are written: `remote_port`, `connection.namespace`. */
  readonly keys: readonly string[];
}

/** What differs between two readings, in the order of the file: services, environments, the rest. Pure; comments do not count. */
export function diffConfigurations(before: RawConfiguration, after: RawConfiguration): ConfigurationChange[] {
  const changes: ConfigurationChange[] = [];
  for (const change of diffMaps(before.services, after.services)) {
    changes.push({ id: change.name, op: change.op, service: change.name, keys: change.keys });
  }
  for (const change of diffMaps(before.environments, after.environments)) {
    changes.push({ id: `env:${change.name}`, op: change.op, environment: change.name, keys: change.keys });
  }
  const keys = changedKeys(before.rest, after.rest);
  if (keys.length > 0) changes.push({ id: "file", op: "change", keys });
  return changes;
}

interface Difference {
  readonly name: string;
  readonly op: ConfigurationChange["op"];
  readonly keys: readonly string[];
}

function* diffMaps(before: ReadonlyMap<string, RawMap>, after: ReadonlyMap<string, RawMap>): Generator<Difference> {
  for (const [name, value] of after) {
    const old = before.get(name);
    if (!old) yield { name, op: "add", keys: Object.keys(value) };
    else if (!sameValue(old, value)) yield { name, op: "change", keys: changedKeys(old, value) };
  }
  for (const [name, value] of before) if (!after.has(name)) yield { name, op: "remove", keys: Object.keys(value) };
}

/** Names of the keys whose values differ; of a map, those in it. */
function changedKeys(before: RawMap, after: RawMap): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => {
    const old = before[key];
    const now = after[key];
    if (sameValue(old, now)) return [];
    if (!isRawMap(old) || !isRawMap(now)) return [key];
    return changedKeys(old, now).map((below) => `${key}.${below}`);
  });
}
