import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { ConfigEditor } from "#application/ports/config-editor.ts";
import type { VariableLookup } from "#application/ports/config-source.ts";
import { dialectOf } from "./dialect.ts";
import { isNamedForLocalport } from "./find-file.ts";
import type { Dialect } from "./located.ts";
import { readConfigText } from "./read-file.ts";
import { watchConfigFile } from "./watch-file.ts";
import { removeOwnFile, replaceFile } from "./write-file.ts";

const noVariables: VariableLookup = () => undefined;

/** Texts of configuration files on the local disk. What reads YAML is loaded with the first text. */
export const createConfigEditor = (): ConfigEditor => ({
  readText: readConfigText,
  async interpret(path, text, lookup) {
    const { interpret } = await import("./interpret.ts");
    return interpret(resolve(path), text, dialect(path, text, lookup), lookup);
  },
  async raw(path, text) {
    const { rawConfiguration } = await import("./raw.ts");
    return rawConfiguration(text, dialect(path, text, noVariables));
  },
  async edit(path, text, edits) {
    const { editConfiguration } = await import("./edit.ts");
    return editConfiguration(text, edits, dialect(path, text, noVariables));
  },
  async excerpt(path, text, list, name) {
    const { excerptOf } = await import("./raw.ts");
    return excerptOf(text, dialect(path, text, noVariables), list, name);
  },
  digest,
  write: (path, text, expected) => replaceFile(path, text, expected, digest),
  remove: (path, expected) => removeOwnFile(path, expected, digest),
  watch: watchConfigFile,
});

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32);

const dialect = (path: string, text: string, lookup: VariableLookup): Dialect =>
  dialectOf(resolve(path), text, isNamedForLocalport(resolve(path), lookup));
