import { ConnectivityError } from "../connectivity-error.ts";
import type { ConfigEdit } from "./config-edit.ts";
import { isRawMap, rawNames, type RawConfiguration, type RawMap } from "./raw-configuration.ts";

type List = "services" | "environments";

/**
 * What a plan does to a file, in words that still fit when only some of its changes are applied. `set` is a merge patch
 * (RFC 7396): maps are merged, `null` removes a key, everything else replaces.
 */
export type PlanOperation =
  | { readonly kind: "add"; readonly list: List; readonly name: string; readonly value: RawMap }
  | { readonly kind: "patch"; readonly list: List; readonly name: string; readonly set: RawMap }
  | { readonly kind: "remove"; readonly list: List; readonly name: string }
  | { readonly kind: "add_member"; readonly environment: string; readonly service: string }
  | { readonly kind: "drop_member"; readonly environment: string; readonly service: string }
  | { readonly kind: "drop_dependency"; readonly service: string; readonly dependency: string };

/** The edits of a file's text that an operation means, given what the file says now. */
export function editsOf(operation: PlanOperation, raw: RawConfiguration): ConfigEdit[] {
  switch (operation.kind) {
    case "add":
      return [{ op: "add", list: operation.list, value: { name: operation.name, ...operation.value } }];
    case "patch": {
      const { list, name, set } = operation;
      return patchEdits(list, name, [], set, raw[list].get(name) ?? {});
    }
    case "remove":
      return [{ op: "remove", list: operation.list, name: operation.name }];
    case "add_member": {
      const members = rawNames(raw.environments.get(operation.environment)?.["services"]);
      if (members.includes(operation.service)) return [];
      return [setIn("environments", operation.environment, "services", [...members, operation.service])];
    }
    case "drop_member": {
      const members = rawNames(raw.environments.get(operation.environment)?.["services"]);
      if (!members.includes(operation.service)) return [];
      const rest = members.filter((name) => name !== operation.service);
      return [setIn("environments", operation.environment, "services", rest)];
    }
    case "drop_dependency": {
      const needs = rawNames(raw.services.get(operation.service)?.["depends_on"]);
      if (!needs.includes(operation.dependency)) return [];
      const rest = needs.filter((name) => name !== operation.dependency);
      if (rest.length > 0) return [setIn("services", operation.service, "depends_on", rest)];
      return [{ op: "unset", list: "services", name: operation.service, path: ["depends_on"] }];
    }
  }
}

const setIn = (list: List, name: string, key: string, value: unknown): ConfigEdit => ({
  op: "set",
  list,
  name,
  path: [key],
  value,
});

function patchEdits(list: List, name: string, path: readonly string[], set: RawMap, current: RawMap): ConfigEdit[] {
  return Object.entries(set).flatMap(([key, value]): ConfigEdit[] => {
    const below = [...path, key];
    const now = Object.hasOwn(current, key) ? current[key] : undefined;
    if (value === null) return now === undefined ? [] : [{ op: "unset", list, name, path: below }];
    if (isRawMap(value) && isRawMap(now)) return patchEdits(list, name, below, value, now);
    return [{ op: "set", list, name, path: below, value: withoutNulls(value) }];
  });
}

/** A patch that becomes a value of its own: what it would remove is not there. */
function withoutNulls(value: unknown): unknown {
  if (!isRawMap(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)]));
}

/** A change of a plan, as a person may pick it: everything that belongs to one name. */
export interface PlannedChange {
  readonly id: string;
  readonly operations: readonly PlanOperation[];
}

/**
 * The changes that remove a service and mend what names it: `depends_on` of others and environments.
 * @throws ConnectivityError `invalid_arguments` when another service's way leads through it
 */
export function removalOf(service: string, raw: RawConfiguration): PlannedChange[] {
  const changes: PlannedChange[] = [{ id: service, operations: [{ kind: "remove", list: "services", name: service }] }];
  for (const [name, value] of raw.services) {
    if (name === service) continue;
    if (rawNames(value["via"]).includes(service)) {
      throw new ConnectivityError(
        "invalid_arguments",
        `${name} is reached via ${service}; change its via first, or remove ${name} too`,
        { service, needed_by: [name] },
      );
    }
    if (rawNames(value["depends_on"]).includes(service)) {
      changes.push({ id: name, operations: [{ kind: "drop_dependency", service: name, dependency: service }] });
    }
  }
  for (const [name, value] of raw.environments) {
    if (!rawNames(value["services"]).includes(service)) continue;
    changes.push({ id: `env:${name}`, operations: [{ kind: "drop_member", environment: name, service }] });
  }
  return changes;
}
