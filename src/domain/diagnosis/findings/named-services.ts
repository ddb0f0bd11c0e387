import type { DetailedPod } from "../../kubernetes/detail.ts";

/** A service of the cluster, and where its name or address stands. */
export interface NamedService {
  readonly service: string;
  /** `variable API_URL`, `an argument`. */
  readonly named: string;
}

interface KnownService {
  readonly name: string;
  readonly address: string | undefined;
}

/** Longer values are data, not addresses. */
const longestValue = 2000;
const addressLike = /(?:host|url|uri|addr|endpoint|server|broker|dsn|upstream|backend|service|peer|target)/i;
const hostOfUrl = /\b[a-z][a-z0-9+.-]{1,20}:\/\/(?:[^\s/@]{1,200}@)?([a-z0-9][a-z0-9.-]{0,252})(?=[:/?\s,]|$)/gi;

/**
 * The services of a namespace that pods' settings name, by name (`http://api:8080`, `db.shop.svc`) or cluster address; also
 * one that is named like a service of this namespace and is not there. Values themselves are not told.
 */
export function namedServices(
  pods: readonly DetailedPod[],
  known: readonly KnownService[],
  namespace: string,
): NamedService[] {
  const found = new Map<string, string>();
  const note = (service: string, named: string): void => {
    if (!found.has(service)) found.set(service, named);
  };
  for (const { value, named, likely } of settingsOf(pods)) {
    for (const { name, address } of known) {
      const byName =
        mentions(value, name, namespace) && (likely || value.includes(":") || value.includes(`.${namespace}`));
      if (byName || (address !== undefined && /^\d/.test(address) && mentionsAddress(value, address)))
        note(name, named);
    }
    for (const [, host = ""] of value.matchAll(hostOfUrl)) {
      const service = serviceName(host, namespace);
      if (service !== undefined) note(service, named);
    }
  }
  return [...found].map(([service, named]) => ({ service, named }));
}

function settingsOf(pods: readonly DetailedPod[]): { value: string; named: string; likely: boolean }[] {
  // Pods of one template say the same.
  const containers = pods
    .slice(0, 3)
    .flatMap(({ spec }) => [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]);
  return containers.flatMap(({ env = [], command = [], args = [] }) => [
    ...env.flatMap(({ name, value }) =>
      value === undefined || value.length > longestValue
        ? []
        : [
            {
              value,
              named: /^\w{1,80}$/.test(name) ? `variable ${name}` : "a variable",
              likely: addressLike.test(name),
            },
          ],
    ),
    ...[...command, ...args]
      .filter((value) => value.length <= longestValue)
      .map((value) => ({ value, named: "an argument", likely: false })),
  ]);
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** As a host: alone or before a port or path, in short or with its namespace. */
function mentions(value: string, name: string, namespace: string): boolean {
  if (!value.includes(name)) return false;
  const domain = `(?:\\.${escaped(namespace)}(?:\\.svc(?:\\.[a-z.]+)?)?)?`;
  return new RegExp(`(?:^|[/@,=\\s"'])${escaped(name)}${domain}(?=[:/,\\s"']|$)`).test(value);
}

const mentionsAddress = (value: string, address: string): boolean =>
  new RegExp(`(?:^|[^\\d.])${escaped(address)}(?![\\d.])`).test(value);

/** A host that can only be a service of this namespace: one word, or with the namespace behind it. */
function serviceName(host: string, namespace: string): string | undefined {
  const [first = "", second, third] = host.split(".");
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(first) || first === "localhost") return undefined;
  if (second === undefined) return first;
  return second === namespace && (third === undefined || third === "svc") ? first : undefined;
}
