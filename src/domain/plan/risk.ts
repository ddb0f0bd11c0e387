import type { Configuration } from "../spec/configuration.ts";
import { isLoopbackName } from "../spec/checks/http.ts";
import type { ConfigurationChange } from "./configuration-diff.ts";
import type { Impact } from "./impact.ts";
import { isRawMap, type RawConfiguration } from "./raw-configuration.ts";

/** `restricted` wants a person at a terminal, `review` the person's yes, `low` harms nothing. */
export type Risk = "low" | "review" | "restricted";

export interface Assessment {
  readonly risk: Risk;
  /** Why it is no lower, most serious first; our sentences. */
  readonly reasons: readonly string[];
}

export interface AssessedChange {
  readonly changes: readonly ConfigurationChange[];
  readonly after: RawConfiguration;
  readonly configurations: readonly Pick<Configuration, "environments">[];
  /** Keys that run programs or read secrets differ, and nobody has trusted them as they are now. */
  readonly untrusted: boolean;
}

/**
 * What of a change reaches further than this person's own machine, whoever made it. An edit of the file that has none of
 * these applies by itself.
 */
export function restrictionsOf({ changes, after, configurations, untrusted }: AssessedChange): string[] {
  const reasons: string[] = [];
  if (untrusted) reasons.push("it changes keys that run programs or read secrets");
  const production = new Set<string>();
  for (const { environments } of configurations) {
    for (const { name, services, production: isProduction } of environments) {
      if (!isProduction) continue;
      for (const service of services) production.add(service);
      production.add(`env:${name}`);
    }
  }
  for (const change of changes) {
    if (production.has(change.id)) {
      reasons.push(`it touches ${change.environment ?? change.service} of an environment marked production`);
    } else if (change.environment !== undefined && change.keys.includes("production")) {
      reasons.push(`it changes whether ${change.environment} is production`);
    }
    if (change.service === undefined) continue;
    const now = after.services.get(change.service);
    if (!now || change.op === "remove") continue;
    const listen = now["listen"];
    if (typeof listen === "string" && change.keys.includes("listen") && !isLocal(listen)) {
      reasons.push(`${change.service} would listen beyond this machine`);
    }
    const connection = now["connection"];
    const known = isRawMap(connection) ? connection["known_hosts_file"] : undefined;
    if (
      known !== undefined &&
      change.keys.some((key) => key === "connection" || key === "connection.known_hosts_file")
    ) {
      reasons.push(`${change.service} would trust other host keys`);
    }
    if (change.keys.some((key) => key === "routes" || key.startsWith("routes."))) {
      const outside = upstreamUrls(now["routes"]).find((url) => !isLocalUrl(url));
      if (outside !== undefined) reasons.push(`${change.service} would lead outside this machine`);
    }
  }
  return [...new Set(reasons)];
}

/** The risk of a change that a tool made: what reaches further, then what it costs. */
export function assessPlan(change: AssessedChange, impact: Impact): Assessment {
  const restricted = restrictionsOf(change);
  if (impact.other_clients.length > 0) {
    restricted.push(`${impact.other_clients.join(", ")} wants what it restarts or stops`);
  }
  if (restricted.length > 0) return { risk: "restricted", reasons: restricted };
  const review: string[] = [];
  const hurt = [...impact.restarts, ...impact.stops];
  if (hurt.length > 0) review.push(`it restarts or stops ${hurt.join(", ")}`);
  const lost = change.changes.filter(({ op }) => op === "remove").map(({ id }) => id);
  if (lost.length > 0) review.push(`it removes ${lost.join(", ")}`);
  const moved = change.changes.filter(
    ({ op, keys }) => op === "change" && keys.some((key) => key === "remote_port" || /^(?:connection|via)\b/.test(key)),
  );
  if (moved.length > 0) review.push(`${moved.map(({ id }) => id).join(", ")} would reach another target`);
  return review.length > 0 ? { risk: "review", reasons: review } : { risk: "low", reasons: [] };
}

const isLocal = (listen: string): boolean =>
  listen.startsWith("/") || (isLoopbackName(listen) && !/^(?:0\.0\.0\.0|\[?::\]?)$/.test(listen));

function upstreamUrls(routes: unknown): string[] {
  if (!Array.isArray(routes)) return [];
  return routes.flatMap((route: unknown) => {
    const upstreams = isRawMap(route) ? route["upstreams"] : undefined;
    if (!Array.isArray(upstreams)) return [];
    return (upstreams as readonly unknown[]).flatMap((upstream) =>
      isRawMap(upstream) && typeof upstream["url"] === "string" ? [upstream["url"]] : [],
    );
  });
}

const isLocalUrl = (url: string): boolean => URL.canParse(url) && isLocal(new URL(url).hostname);
