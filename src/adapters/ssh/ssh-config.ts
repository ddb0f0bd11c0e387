import { matchesPattern } from "./known-hosts.ts";

/** One `Keyword value…` line of ssh_config(5), keyword in lower case. */
export interface SshConfigEntry {
  readonly keyword: string;
  readonly values: readonly string[];
}

/** What the files say about one host; the first value obtained wins, identity files add up. Unexpanded (`~`, `%h`). */
export interface SshHostConfig {
  hostName?: string;
  user?: string;
  port?: number;
  identityFiles: string[];
  userKnownHostsFiles?: readonly string[];
  hostKeyAlias?: string;
  /** Another way than directly, which this driver does not do yet; `none` says that there is no such way. */
  indirect?: "ProxyJump" | "ProxyCommand" | "none";
}

/** Deeper nesting of `Include` is an error in OpenSSH too (readconf.c, READCONF_MAX_DEPTH). */
const deepestInclude = 16;

/** Reads the lines; comments, empty and malformed ones are left out. Values may be in double quotes, `=` may follow the keyword. */
export function parseSshConfig(text: string): SshConfigEntry[] {
  const entries: SshConfigEntry[] = [];
  for (const raw of text.split("\n")) {
    const match = /^([A-Za-z][A-Za-z0-9]*)(?:\s*=\s*|\s+)(\S.*)$/.exec(raw.trim());
    if (!match) continue;
    const values: string[] = [];
    for (const [, quoted, bare] of (match[2] ?? "").matchAll(/"([^"]*)"|(\S+)/g)) {
      const value = quoted ?? bare ?? "";
      if (quoted === undefined && value.startsWith("#")) break;
      values.push(value);
    }
    if (values.length > 0) entries.push({ keyword: (match[1] ?? "").toLowerCase(), values });
  }
  return entries;
}

/** Whether a `Host` line's patterns mean this name: one matches, and no `!negated` one does. */
export function matchesHostPatterns(patterns: readonly string[], name: string): boolean {
  let matched = false;
  for (const pattern of patterns) {
    if (pattern.startsWith("!")) {
      if (matchesPattern(pattern.slice(1), name)) return false;
    } else if (matchesPattern(pattern, name)) matched = true;
  }
  return matched;
}

/**
 * Looks a host up, file by file in the order of precedence. `Match` blocks other than `Match all` never apply here.
 * @param include the texts of the files that an `Include` pattern names, in order
 */
export async function lookUpHost(
  texts: readonly string[],
  name: string,
  include: (pattern: string) => Promise<readonly string[]>,
): Promise<SshHostConfig> {
  const found: SshHostConfig = { identityFiles: [] };
  const walk = async (text: string, depth: number): Promise<void> => {
    let applies = true;
    for (const { keyword, values } of parseSshConfig(text)) {
      if (keyword === "host") applies = matchesHostPatterns(values, name);
      else if (keyword === "match") applies = values.length === 1 && values[0]?.toLowerCase() === "all";
      else if (!applies) continue;
      else if (keyword === "include" && depth < deepestInclude) {
        for (const pattern of values) {
          for (const included of await include(pattern)) await walk(included, depth + 1);
        }
      } else obtain(found, keyword, values);
    }
  };
  for (const text of texts) await walk(text, 0);
  return found;
}

function obtain(found: SshHostConfig, keyword: string, values: readonly string[]): void {
  const value = values[0] ?? "";
  switch (keyword) {
    case "hostname":
      found.hostName ??= value;
      break;
    case "user":
      found.user ??= value;
      break;
    case "port":
      if (/^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535) found.port ??= Number(value);
      break;
    case "identityfile":
      if (!found.identityFiles.includes(value)) found.identityFiles.push(value);
      break;
    case "userknownhostsfile":
      found.userKnownHostsFiles ??= values;
      break;
    case "hostkeyalias":
      found.hostKeyAlias ??= value;
      break;
    // The two share one slot: the first one said wins (ssh_config(5), ProxyJump).
    case "proxyjump":
      found.indirect ??= value.toLowerCase() === "none" ? "none" : "ProxyJump";
      break;
    case "proxycommand":
      found.indirect ??= value.toLowerCase() === "none" ? "none" : "ProxyCommand";
      break;
  }
}
