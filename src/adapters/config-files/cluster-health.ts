import { clusterHealthSchema, type ClusterHealthSpec } from "#domain/spec/cluster-health.ts";
import type { Configuration } from "#domain/spec/configuration.ts";
import { childOf, plainValue, type Located, type LocatedMap } from "./located.ts";

/** What a file says about watching clusters: its defaults, and per context with the defaults under it. */
export function clusterHealthOf(
  map: LocatedMap,
  nameOf: (key: string) => string,
): Pick<Configuration, "clusterHealth"> {
  const defaults = childOf(childOf(map, "defaults"), "cluster_health");
  const contexts = childOf(map, "cluster_contexts");
  if (!defaults && !contexts) return {};
  const own = parsedHealth(defaults);
  const perContext = new Map<string, ClusterHealthSpec>();
  for (const [name, { value }] of contexts?.kind === "map" ? contexts.entries : []) {
    const health = parsedHealth(overridden(defaults, childOf(value, "cluster_health")));
    if (health) perContext.set(nameOf(name), health);
  }
  return { clusterHealth: { ...(own && { defaults: own }), contexts: Object.fromEntries(perContext) } };
}

function parsedHealth(node: Located | undefined): ClusterHealthSpec | undefined {
  const result = node && clusterHealthSchema.safeParse(plainValue(node));
  return result?.success === true ? result.data : undefined;
}

/** A context's settings over those of `defaults`, field by field, commands too. */
function overridden(base: Located | undefined, own: Located | undefined): Located | undefined {
  if (base?.kind !== "map" || own?.kind !== "map") return own ?? base;
  const entries = new Map(base.entries);
  for (const [key, entry] of own.entries) {
    const inherited = base.entries.get(key)?.value;
    const value = entry.value.kind === "map" ? (overridden(inherited, entry.value) ?? entry.value) : entry.value;
    entries.set(key, { ...entry, value });
  }
  return { ...own, entries };
}

/** What LocalPort's `config export` wrote about itself. */
export function metadataOf(map: LocatedMap): Pick<Configuration, "metadata"> {
  const metadata = childOf(map, "_metadata");
  return metadata?.kind === "map" ? { metadata: plainValue(metadata) as Record<string, unknown> } : {};
}
