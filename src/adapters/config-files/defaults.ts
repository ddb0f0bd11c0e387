import { childOf, withEntry, type Located, type LocatedMap } from "./located.ts";

/**
 * A service with what `defaults` says about `health_check` and `restart_policy`, field by field: what it sets itself
 * wins. The `config` of a default check counts only for a check of the same type.
 */
export function inheritDefaults(service: LocatedMap, defaults: Located | undefined): LocatedMap {
  const check = inheritCheck(childOf(service, "health_check"), childOf(defaults, "health_check"));
  const policy = inheritFields(childOf(service, "restart_policy"), childOf(defaults, "restart_policy"));
  let result = service;
  if (check) result = withEntry(result, "health_check", check);
  if (policy) result = withEntry(result, "restart_policy", policy);
  return result;
}

function inheritCheck(own: Located | undefined, inherited: Located | undefined): Located | undefined {
  if (own?.kind !== "map" || inherited?.kind !== "map") return inheritFields(own, inherited);
  const type = typeOf(own);
  const sameType = type === undefined || type === (typeOf(inherited) ?? "tcp");
  const config = sameType
    ? inheritFields(childOf(own, "config"), childOf(inherited, "config"))
    : childOf(own, "config");
  const merged = inheritFields(own, inherited);
  return merged?.kind === "map" ? withEntry(merged, "config", config) : merged;
}

/** An absent or empty value counts as not set; a check without a type is tcp. */
function typeOf(check: LocatedMap): string | undefined {
  const type = childOf(check, "type");
  return type?.kind === "scalar" && type.value !== null ? String(type.value) : undefined;
}

const isSet = (node: Located | undefined): node is Located =>
  node !== undefined && !(node.kind === "scalar" && node.value === null);

function inheritFields(own: Located | undefined, inherited: Located | undefined): Located | undefined {
  if (!isSet(own)) return isSet(inherited) ? inherited : own;
  if (own.kind !== "map" || inherited?.kind !== "map") return own;
  const entries = new Map(own.entries);
  for (const [key, entry] of inherited.entries) if (!isSet(entries.get(key)?.value)) entries.set(key, entry);
  return { ...own, entries };
}
