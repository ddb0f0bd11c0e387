import type { DetailedPod } from "../../kubernetes/detail.ts";

/** A service of the cluster, and where its name or address stands. */
export interface NamedService {
  readonly service: string;
  /** `variable API_URL`, `an argument`. */
  readonly named: string;
}

/** Text of a config map that the pods use: the value of a variable, or a whole file. */
export interface SettingText {
  readonly value: string;
  readonly named: string;
  /** Its name says that it is an address. */
  readonly likely: boolean;
  /** A file or a script has many words: only what stands there as an address counts, and only services that there are. */
  readonly prose?: boolean;
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
 * The services of a namespace that pods' settings, commands and probes name, by name (`http://api:8080`, `db.shop.svc`) or
 * cluster address; also one that is named like a service of this namespace and is not there. Values themselves are not told.
 */
export function namedServices(
  pods: readonly DetailedPod[],
  known: readonly KnownService[],
  namespace: string,
  texts: readonly SettingText[] = [],
): NamedService[] {
  const found = new Map<string, string>();
  const note = (service: string, named: string): void => {
    if (!found.has(service)) found.set(service, named);
  };
  for (const { value, named, likely, prose } of [...settingsOf(pods), ...texts]) {
    for (const { name, address } of known) {
      const byName = prose
        ? isAddressIn(value, name, namespace)
        : mentions(value, name, namespace) && (likely || value.includes(":") || value.includes(`.${namespace}`));
      if (byName || (address !== undefined && /^\d/.test(address) && mentionsAddress(value, address)))
        note(name, named);
    }
    if (prose) continue;
    for (const [, host = ""] of value.matchAll(hostOfUrl)) {
      const service = serviceName(host, namespace);
      if (service !== undefined) note(service, named);
    }
  }
  return [...found].map(([service, named]) => ({ service, named }));
}

/** A service of another namespace, by its full name. */
export interface ForeignService extends NamedService {
  readonly namespace: string;
  /** It stands where only an address stands, so it is meant even when there is none of that name. */
  readonly meant: boolean;
}

const fullName =
  /(?<![\w.-])([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)\.([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.svc(?![\w-])/g;

/** Services of other namespaces that pods' settings name in full: `orders.shop.svc`. */
export function foreignServices(
  pods: readonly DetailedPod[],
  namespace: string,
  texts: readonly SettingText[] = [],
): ForeignService[] {
  const found = new Map<string, ForeignService>();
  for (const { value, named, prose } of [...settingsOf(pods), ...texts]) {
    for (const [name, service = "", other = ""] of value.matchAll(fullName)) {
      if (other === namespace || found.has(name)) continue;
      found.set(name, { service, namespace: other, named, meant: prose !== true });
    }
  }
  return [...found.values()];
}

/** Whether a variable, by its name, holds an address. */
export const isAddressLike = (variable: string): boolean => addressLike.test(variable);

/** `variable API_URL`, unless its name is none. */
export const variableWords = (name: string): string => (/^\w{1,80}$/.test(name) ? `variable ${name}` : "a variable");

function settingsOf(pods: readonly DetailedPod[]): SettingText[] {
  // Pods of one template say the same.
  const containers = pods
    .slice(0, 3)
    .flatMap(({ spec }) => [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]);
  return containers.flatMap(({ env = [], command = [], args = [], ...container }) => [
    ...env.flatMap(({ name, value }) =>
      value === undefined || value.length > longestValue
        ? []
        : [{ value, named: variableWords(name), likely: isAddressLike(name) }],
    ),
    ...[...command, ...args]
      .filter((value) => value.length <= longestValue)
      .map((value) => ({ value, named: "an argument", likely: false })),
    ...script([...command, ...args], "its command"),
    ...(["readinessProbe", "livenessProbe", "startupProbe"] as const).flatMap((probe) =>
      script(container[probe]?.exec?.command ?? [], `the command of its ${probe}`),
    ),
  ]);
}

/** A command line as a person reads it: `nc -z db 5432` has a host and a port. */
function script(words: readonly string[], named: string): SettingText[] {
  const value = words.join(" ");
  return value === "" || value.length > 2 * longestValue ? [] : [{ value, named, likely: false, prose: true }];
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

const domainOf = (namespace: string): string => `(?:\\.${escaped(namespace)}(?:\\.svc(?:\\.[a-z.]+)?)?)?`;

/** In a file, script or log: `db:5432`, `nc db 5432`, `//db/`, `-h db`, `host = db`, `lookup db`. */
function isAddressIn(text: string, name: string, namespace: string): boolean {
  if (!text.includes(name)) return false;
  const host = `${escaped(name)}${domainOf(namespace)}`;
  const forms = [
    `(?:^|[/@,=\\s"'])${host}(?::\\d|\\s+\\d{2,5}(?![\\w.]))`,
    `://(?:[^\\s/@]{1,200}@)?${host}(?=[:/?;,\\s"']|$)`,
    `(?:\\s-h\\s*|--?host(?:name)?[= ])["']?${host}(?=[\\s"';]|$)`,
    `(?:lookup|ENOTFOUND|EAI_AGAIN|host ?name|connect(?:ing)? to)\\s["'\`]?${host}(?=["'\`\\s:,.;)]|$)`,
    `(?:host|url|addr(?:ess)?|endpoint|server|upstream|backend)["']?\\s*[:=]\\s*["']?${host}(?=["'\\s,;]|$)`,
  ];
  return forms.some((form) => new RegExp(form, "im").test(text));
}

/** As a host: alone or before a port or path, in short or with its namespace. */
function mentions(value: string, name: string, namespace: string): boolean {
  if (!value.includes(name)) return false;
  return new RegExp(`(?:^|[/@,=\\s"'])${escaped(name)}${domainOf(namespace)}(?=[:/,\\s"']|$)`).test(value);
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
