import { posix } from "node:path";

/** One import or re-export, or a call of `import()`. */
export interface ImportSite {
  readonly specifier: string;
  readonly line: number;
  /** `import type`, `export type`: gone when the code runs. */
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

const statement = /^(?:import|export)\s+(type\s+)?(?:[^;'"]*?\sfrom\s+)?["']([^"']+)["']/gm;
const call = /\bimport\(\s*(?:["'`]([^"'`]*)["'`])?/g;

/** The imports of TypeScript text as oxfmt writes it: each statement starts a line. */
export function importsOf(text: string): ImportSite[] {
  const code = withoutComments(text);
  const sites: ImportSite[] = [];
  for (const match of code.matchAll(statement)) {
    const [, type, specifier = ""] = match;
    sites.push({ specifier, line: lineAt(code, match.index), typeOnly: type !== undefined, dynamic: false });
  }
  for (const match of code.matchAll(call)) {
    sites.push({ specifier: match[1] ?? "", line: lineAt(code, match.index), typeOnly: false, dynamic: true });
  }
  return sites;
}

/** The same text, line for line, with whole-line comments and those after code blanked. */
export function withoutComments(text: string): string {
  return text.replaceAll(/^[ \t]*(?:\/\/|\/\*|\*).*$/gm, "").replaceAll(/\s\/\/ .*$/gm, "");
}

export const lineAt = (text: string, index: number): number => text.slice(0, index).split("\n").length;

const ownFolders: Readonly<Record<string, string>> = {
  "#tools": "tools",
  "#resources": "resources",
  "#prompts": "prompts",
};

/** The file that a specifier names, from the project's root; `undefined` for a package or a module of Node. */
export function resolveOwn(from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(from), specifier);
  if (!specifier.startsWith("#")) return undefined;
  const [alias = "", ...rest] = specifier.split("/");
  return [ownFolders[alias] ?? `src/${alias.slice(1)}`, ...rest].join("/");
}
