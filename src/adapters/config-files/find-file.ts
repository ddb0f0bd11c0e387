import { realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, parse, resolve } from "node:path";
import type { ConfigSource, VariableLookup } from "#application/ports/config-source.ts";
import { notFound } from "./file-refused.ts";

const ours = ["portwright.yaml", "portwright.yml", ".portwright.yaml"];
const localports = ["localport.yaml", "localport.yml", ".localport.yaml"];

/**
 * The file of a workspace: `--config`; `PORTWRIGHT_CONFIG`; the nearest upwards from the working directory, ours before
 * LocalPort's in each folder, below the home folder or `/`; the person's own. `LOCALPORT_CONFIG_FILE` takes the place
 * of every file of LocalPort's.
 * @throws ConnectivityError `config_not_found` when a file that was named is not there
 */
export const findConfigFile: ConfigSource["find"] = async ({ cwd, config, lookup }) => {
  const variable = (name: string): string | undefined => lookup(name) || undefined;
  const home = variable("HOME") ?? homedir();
  if (config !== undefined) return named(config, cwd, home, `--config names ${config}`);
  const portwright = variable("PORTWRIGHT_CONFIG");
  if (portwright !== undefined) return named(portwright, cwd, home, `PORTWRIGHT_CONFIG names ${portwright}`);
  const localport = variable("LOCALPORT_CONFIG_FILE");
  const names = localport === undefined ? [...ours, ...localports] : ours;
  const near = await nearest(resolve(cwd), home, names);
  if (near !== undefined) return near;
  if (localport !== undefined) return named(localport, cwd, home, `LOCALPORT_CONFIG_FILE names ${localport}`);
  return firstFile(ownFiles(variable, home));
};

/** Whether `LOCALPORT_CONFIG_FILE` names this very file. */
export function isNamedForLocalport(path: string, lookup: VariableLookup): boolean {
  const name = lookup("LOCALPORT_CONFIG_FILE");
  return name !== undefined && isAbsolute(name) && resolve(name) === path;
}

async function named(name: string, cwd: string, home: string, says: string): Promise<string> {
  const path = resolve(cwd, name.startsWith("~/") ? join(home, name.slice(2)) : name);
  const found = await kindOf(path);
  if (found === undefined)
    throw notFound(path, `there is no configuration file ${path} (${says}); name one that exists`);
  return canonical(path);
}

async function nearest(cwd: string, home: string, names: readonly string[]): Promise<string | undefined> {
  const stop = new Set([resolve(home), await realpath(home).catch(() => home)]);
  const { root } = parse(cwd);
  for (let folder = cwd; folder !== root && !stop.has(folder); folder = dirname(folder)) {
    const found = await firstFile(names.map((name) => join(folder, name)));
    if (found !== undefined && !(await isPlanted(found))) return found;
  }
  return undefined;
}

/** Whether somebody else put it into a folder where anybody may (`/tmp`). */
async function isPlanted(path: string): Promise<boolean> {
  const [folder, file] = await Promise.all([stat(dirname(path)), stat(path)]).catch(() => []);
  if (!folder || !file) return true;
  return (folder.mode & 0o002) !== 0 && file.uid !== 0 && file.uid !== process.getuid?.();
}

function ownFiles(variable: VariableLookup, home: string): string[] {
  const moved = variable("PORTWRIGHT_HOME");
  if (moved !== undefined) {
    const base = resolve(moved);
    return [
      join(base, "config", "config.yaml"),
      join(base, ".config", "portwright", "config.yaml"),
      join(base, ".portwright.yaml"),
      join(base, ".localport.yaml"),
      join(base, ".config", "localport", "config.yaml"),
    ];
  }
  const xdg = variable("XDG_CONFIG_HOME");
  const configDir = xdg !== undefined && isAbsolute(xdg) ? xdg : join(home, ".config");
  return [
    join(configDir, "portwright", "config.yaml"),
    join(home, ".portwright.yaml"),
    join(home, ".localport.yaml"),
    join(home, ".config", "localport", "config.yaml"),
    "/etc/localport/config.yaml",
  ];
}

async function firstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await kindOf(path)) === "file") return canonical(path);
  return undefined;
}

async function kindOf(path: string): Promise<"file" | "other" | undefined> {
  try {
    return (await stat(path)).isFile() ? "file" : "other";
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    // A file in a folder that may not be entered is there, as far as we know; reading it says what is wrong.
    return code === "EACCES" || code === "ELOOP" ? "other" : undefined;
  }
}

/** One path per file, however its folder was reached; the name stays, because it says the format. */
async function canonical(path: string): Promise<string> {
  const folder = await realpath(dirname(path)).catch(() => dirname(path));
  return join(folder, basename(path));
}
