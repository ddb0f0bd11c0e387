import { basename, dirname } from "node:path";
import type { Dialect } from "./located.ts";

/** Words that only one of the two formats has. */
const portwrightOnly =
  /^(?:environments|access):|^[ \t]*(?:-[ \t]+)?(?:depends_on|exports|via|waiting_room|routes):|\btechnology:\s*["']?(?:kubernetes|proxy)\b|\$\{(?:env|file|command):/m;
const localportOnly = /\btechnology:\s*["']?kubectl\b|\$\{(?!(?:host|port|env|file|command)\b)[A-Za-z_][^}\n]{0,200}\}/;

/**
 * Which format a file is in. By its name: `portwright` in the file's or its folder's name is ours, `localport` is
 * LocalPort's. Under any other name (`--config forwards.yaml`) by its text: with a word that only our format has it is
 * ours, else with one that only LocalPort has (`technology: kubectl`, `${NAME}`) it is LocalPort's, else it is ours,
 * unless `LOCALPORT_CONFIG_FILE` names it.
 */
export function dialectOf(path: string, text: string, namedForLocalport: boolean): Dialect {
  const file = basename(path).toLowerCase();
  const folder = basename(dirname(path)).toLowerCase();
  for (const name of file === "config.yaml" || file === "config.yml" ? [folder] : [file]) {
    if (name.includes("portwright")) return "portwright";
    if (name.includes("localport")) return "localport";
  }
  const lines = text.replaceAll(/^[ \t]*#.*$/gm, "");
  if (portwrightOnly.test(lines)) return "portwright";
  return localportOnly.test(lines) || namedForLocalport ? "localport" : "portwright";
}
