import { parseTemplate } from "../references.ts";
import { templateUse } from "../spec/scalars.ts";
import { isRawMap, type RawConfiguration, type RawMap, type RawValue } from "./raw-configuration.ts";

/** A key of a file that runs a program or reads a secret of this machine. */
export interface TrustKey {
  /** The service's name, or `defaults`. */
  readonly where: string;
  readonly path: string;
  /** As it is written; names no secret, only where one comes from. */
  readonly text: string;
}

/** Keys that name a program, whatever stands in them. */
const programKeys = /(?:^|\.)(?:proxy_command|command|exec)$/;

/**
 * The keys of a file that work only in a workspace that a person trusts: `${file:…}` and `${command:…}` in credentials,
 * a `command` check, a ProxyCommand. In the order of the file.
 */
export function trustKeysOf(raw: RawConfiguration): TrustKey[] {
  const keys: TrustKey[] = [];
  for (const [name, service] of raw.services) collect(service, name, [], keys);
  const { defaults } = raw.rest;
  if (isRawMap(defaults)) collect(defaults, "defaults", [], keys);
  return keys;
}

function collect(value: RawValue, where: string, path: readonly string[], keys: TrustKey[]): void {
  const at = path.join(".");
  if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly RawValue[]).entries())
      collect(item, where, [...path, `${index}`], keys);
    return;
  }
  if (isRawMap(value)) {
    const isCommandCheck = path.at(-1) === "health_check" && value["type"] === "command";
    if (isCommandCheck) keys.push({ where, path: at, text: shown(value) });
    else for (const [key, item] of Object.entries(value)) collect(item, where, [...path, key], keys);
    return;
  }
  const runs = programKeys.test(at) && !at.startsWith("exports.");
  if (runs || (typeof value === "string" && templateUse(at) === "credential" && readsSecret(value))) {
    keys.push({ where, path: at, text: typeof value === "string" ? value : JSON.stringify(value) });
  }
}

const readsSecret = (template: string): boolean =>
  parseTemplate(template).some(({ kind }) => kind === "file" || kind === "command");

const shown = (value: RawMap): string => JSON.stringify(value);

/**
 * The text that a trust is bound to: the keys, and of each service that has one its whole connection, so that no secret
 * goes to another target than the one that was trusted. Empty: there is nothing to trust.
 */
export function trustText(raw: RawConfiguration): string {
  const keys = trustKeysOf(raw);
  if (keys.length === 0) return "";
  const targets = [...new Set(keys.map(({ where }) => where))].map((where) => {
    const service = raw.services.get(where);
    return [where, service && [service["connection"], service["via"], service["remote_port"]]];
  });
  return JSON.stringify({ keys: keys.map(({ where, path, text }) => [where, path, text]), targets });
}
