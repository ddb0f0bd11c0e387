import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { includeFiles } from "./include-files.ts";
import { parseLines, splitArguments } from "./lines.ts";
import { judgeMatch, type MatchContext } from "./match-line.ts";
import { matchesPatterns } from "./patterns.ts";
import { expandHome } from "./tokens.ts";

/** A file to read, in the order of precedence. */
export interface ConfigFile {
  readonly path: string;
  /** The person's own: `~` may be used, relative names of `Include` start at `~/.ssh`, and nobody else may write to it. */
  readonly own: boolean;
}

/** A value as it was obtained. */
export interface ConfigValue {
  readonly values: readonly string[];
  /** The rest of the line as written. */
  readonly raw: string;
  readonly file: string;
  readonly line: number;
}

/** What has been obtained for one host: the first value of an option wins, those of some options add up. */
export class ObtainedValues {
  readonly #values = new Map<string, ConfigValue[]>();
  /** Every file that was looked at, also those that are not there. */
  readonly files = new Set<string>();

  first(keyword: string): ConfigValue | undefined {
    return this.#values.get(keyword)?.[0];
  }

  all(keyword: string): readonly ConfigValue[] {
    return this.#values.get(keyword) ?? [];
  }

  set(keyword: string, value: ConfigValue): void {
    this.#values.set(keyword, [value]);
  }

  obtain(written: string, value: ConfigValue): void {
    const keyword = aliases[written] ?? written;
    // The first one said of the two wins (ssh_config(5), ProxyJump), but `ProxyJump none` leaves the command open.
    if (keyword === "proxyjump" && this.#values.has("proxycommand")) return;
    if (keyword === "proxycommand" && (this.first("proxyjump")?.raw ?? "none").toLowerCase() !== "none") return;
    const before = this.#values.get(keyword);
    if (!before) this.#values.set(keyword, [value]);
    else if (accumulating.has(keyword) && !before.some((other) => same(other.values, value.values))) before.push(value);
  }
}

const same = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((value, index) => value === right[index]);

const aliases: Readonly<Record<string, string>> = {
  identityfile2: "identityfile",
  challengeresponseauthentication: "kbdinteractiveauthentication",
  skeyauthentication: "kbdinteractiveauthentication",
  tisauthentication: "kbdinteractiveauthentication",
  dsaauthentication: "pubkeyauthentication",
  pubkeyacceptedkeytypes: "pubkeyacceptedalgorithms",
};
const accumulating = new Set(["identityfile", "certificatefile", "localforward", "remoteforward", "dynamicforward"]);
/** Options whose value is the rest of the line, quotes and all. */
const wholeLine = new Set(["proxycommand", "proxyjump", "match", "localcommand", "remotecommand"]);

/** Deeper nesting of `Include` is an error in OpenSSH too (readconf.c, READCONF_MAX_DEPTH). */
const deepestInclude = 16;
const largestFileBytes = 1024 * 1024;
/** One reading looks at no more files: a folder of includes that include each other. */
const mostFiles = 1024;

export interface Reading {
  readonly homeDir: string;
  /** Adds what one pass over the files says. @returns whether a `Match final` asks for a second one */
  pass(match: MatchContext, hostForPatterns: string): Promise<boolean>;
}

/** Reads the files for one host into `obtained`. */
export function startReading(files: readonly ConfigFile[], homeDir: string, obtained: ObtainedValues): Reading {
  let count = 0;
  const walk = async (
    file: ConfigFile,
    match: MatchContext,
    host: string,
    active: boolean,
    depth: number,
  ): Promise<boolean> => {
    if (depth > deepestInclude || ++count > mostFiles) throw invalid(file.path, 0, "includes too many files");
    obtained.files.add(file.path);
    const text = await readConfig(file);
    // An included file begins as the place of its Include stands, and never applies where that does not.
    let applies = active;
    let wantsFinal = false;
    for (const { line, keyword, raw } of parseLines(text)) {
      const values = wholeLine.has(keyword) ? [raw] : splitArguments(raw);
      if (!values || (values.length === 0 && keyword !== "host"))
        throw invalid(file.path, line, "has a line that cannot be understood");
      if (keyword === "host") applies = active && matchesPatterns(values, host);
      else if (keyword === "match") {
        const verdict = await judgeMatch(raw, active ? match : { ...match, exec: () => Promise.resolve(false) });
        applies = active && verdict.applies;
        wantsFinal ||= verdict.wantsFinal;
      } else if (keyword === "include") {
        for (const value of values) {
          for (const included of await includeFiles(place(value, file, homeDir))) {
            const further = { path: included, own: file.own };
            if (await walk(further, match, host, applies, depth + 1)) wantsFinal = true;
          }
        }
      } else if (applies) obtained.obtain(keyword, { values, raw, file: file.path, line });
    }
    return wantsFinal;
  };
  return {
    homeDir,
    async pass(match, host) {
      let wantsFinal = false;
      for (const file of files) if (await walk(file, match, host, true, 0)) wantsFinal = true;
      return wantsFinal;
    },
  };
}

function place(pattern: string, file: ConfigFile, homeDir: string): string {
  if (!file.own) return path.resolve("/etc/ssh", pattern);
  return path.resolve(homeDir, ".ssh", expandHome(pattern, homeDir));
}

/** A file that is missing or unreadable says nothing, as for OpenSSH's default files. */
async function readConfig(file: ConfigFile): Promise<string> {
  const about = await stat(file.path).catch(() => undefined);
  if (!about?.isFile()) return "";
  if (about.size > largestFileBytes) throw invalid(file.path, 0, "is too large to be an SSH configuration");
  const uid = process.getuid?.();
  if (file.own && uid !== undefined && ((about.uid !== 0 && about.uid !== uid) || (about.mode & 0o022) !== 0)) {
    // It names commands that run as this person.
    throw invalid(file.path, 0, "can be written by others; OpenSSH refuses it too (chmod 600)");
  }
  return readFile(file.path, "utf8").catch(() => "");
}

/** @param line 0 for the whole file */
function invalid(file: string, line: number, what: string): ConnectivityError {
  return new ConnectivityError("config_invalid", `${file} ${what}`, { file, ...(line > 0 && { line }) });
}
