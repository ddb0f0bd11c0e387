import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { ConfigSource } from "#application/ports/config-source.ts";
import { dialectOf } from "./dialect.ts";
import { findConfigFile, isNamedForLocalport } from "./find-file.ts";
import { readConfigText } from "./read-file.ts";

/** Configuration files on the local disk: `portwright.yaml` and LocalPort's. What reads YAML is loaded with the first file. */
export const createConfigSource = (): ConfigSource => ({
  find: findConfigFile,
  read: async (path, lookup) => {
    const absolute = resolve(path);
    const text = await readConfigText(absolute);
    const dialect = dialectOf(absolute, text, isNamedForLocalport(absolute, lookup));
    const { interpret } = await import("./interpret.ts");
    const reading = interpret(absolute, text, dialect, lookup);
    return reading.ok ? { ...reading, text } : reading;
  },
  fingerprint: async (path) => {
    try {
      const { mtimeNs, ctimeNs, size, ino } = await stat(path, { bigint: true });
      return `${mtimeNs}-${ctimeNs}-${size}-${ino}`;
    } catch {
      return undefined;
    }
  },
});
