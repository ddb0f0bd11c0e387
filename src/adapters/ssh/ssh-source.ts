import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { handleText } from "#domain/discovery/handle.ts";
import type { FoundTarget, Unreadable } from "#domain/discovery/target.ts";
import type { Findings, TargetSource } from "#application/ports/target-source.ts";
import { includeFiles } from "./config/include-files.ts";
import { parseLines, splitArguments } from "./config/lines.ts";
import { expandHome } from "./config/tokens.ts";
import { parseKnownHosts } from "./known-hosts.ts";

const maxBytes = 1024 * 1024;
const maxHosts = 1000;
const maxIncludes = 64;
/** A name of a host that can be shown: no pattern, no hashed name, nothing that a terminal would act upon. */
const hostName = /^[A-Za-z0-9][\w.-]{0,252}$/;

/** The hosts of `~/.ssh/config` (with what it includes) and of `known_hosts` where their names are readable. Connects to none. */
export const createSshSource = (): TargetSource => ({
  kind: "ssh",
  async find(_search, { access, signal }): Promise<Findings> {
    const unreadable: Unreadable[] = [];
    const folder = path.join(access.homeDir, ".ssh");
    const hosts = new Map<string, string>();
    await readConfig(path.join(folder, "config"), access.homeDir, hosts, unreadable, { left: maxIncludes });
    const known = await readText(path.join(folder, "known_hosts"), "~/.ssh/known_hosts", unreadable);
    for (const { hosts: names, marker } of parseKnownHosts(known ?? ""))
      if (marker === undefined) for (const name of names.split(",")) keep(hosts, name, "known_hosts");
    signal.throwIfAborted();
    return { targets: [...hosts].map(([host, from]) => targetOf(host, from)), unreadable };
  },
});

function targetOf(host: string, from: string): FoundTarget {
  const target = handleText({ kind: "ssh", host, port: undefined });
  return { kind: "ssh", target, object: target, name: host, places: [host, "ssh"], hints: [], detail: { from } };
}

async function readConfig(
  file: string,
  homeDir: string,
  hosts: Map<string, string>,
  unreadable: Unreadable[],
  includes: { left: number },
): Promise<void> {
  if (includes.left-- <= 0) return;
  const text = await readText(file, "~/.ssh/config", unreadable);
  for (const { keyword, raw } of parseLines(text ?? "")) {
    const words = splitArguments(raw) ?? [];
    if (keyword === "host") for (const name of words) keep(hosts, name, "~/.ssh/config");
    if (keyword !== "include") continue;
    for (const word of words) {
      const pattern = path.resolve(homeDir, ".ssh", expandHome(word, homeDir));
      for (const included of await includeFiles(pattern))
        await readConfig(included, homeDir, hosts, unreadable, includes);
    }
  }
}

function keep(hosts: Map<string, string>, name: string, from: string): void {
  if (hostName.test(name) && !hosts.has(name) && hosts.size < maxHosts) hosts.set(name, from);
}

/** A file that is not there says nothing; one that cannot be read is told. */
async function readText(file: string, what: string, unreadable: Unreadable[]): Promise<string | undefined> {
  try {
    const found = await stat(file);
    if (!found.isFile() || found.size > maxBytes)
      throw new ConnectivityError("config_invalid", "it is no file of a usual size");
    return await readFile(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const why = error instanceof ConnectivityError ? error.message : "it cannot be read";
    if (!unreadable.some((one) => one.what === what)) unreadable.push({ what, code: "config_invalid", why });
    return undefined;
  }
}
