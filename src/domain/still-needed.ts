import { startOrder } from "./dependency-order.ts";

export interface InUse {
  /** All that somebody wants up. */
  readonly wanted: ReadonlySet<string>;
  readonly environments: readonly { readonly name: string; readonly services: readonly string[] }[];
  readonly dependsOn: (name: string) => readonly string[];
}

/**
 * Which services of an environment that is to be stopped something else still needs, and what: a wanted service that
 * depends on it, or another environment that is up as a whole and shares it. An environment that holds all of the
 * stopped one does not count: who stops a part of it means that part.
 */
export function stillNeeded(
  stopping: readonly string[],
  { wanted, environments, dependsOn }: InUse,
): Map<string, string[]> {
  const asked = new Set(stopping);
  const needed = new Map<string, string[]>();
  const keep = (names: readonly string[], reason: string): void => {
    for (const name of startOrder(names, dependsOn)) {
      const reasons = needed.get(name) ?? [];
      if (asked.has(name) && !reasons.includes(reason)) needed.set(name, [...reasons, reason]);
    }
  };
  for (const { name, services } of environments) {
    const isUp = services.length > 0 && services.every((service) => wanted.has(service));
    const overlaps = services.some((service) => !asked.has(service));
    const holdsAll = stopping.every((service) => services.includes(service));
    if (isUp && overlaps && !holdsAll) keep(services, `environment ${name}`);
  }
  for (const name of wanted) if (!asked.has(name)) keep([name], name);
  return needed;
}
