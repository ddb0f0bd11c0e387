/**
 * Two changes to the MCP SDK as it is bundled, for the daemon's memory. Private memory (RssAnon) of a process that serves
 * one MCP session, Node 24.21: 26.2 MB as it comes, 22.6 without ajv and minified, 20.9 with schemas made on first use
 * (both eras served: 24.5 and 22.1); bare Node has 8.8.
 *
 * - Its JSON Schema validator (ajv, 270 kB) is left out: we never ask a client for anything that would be validated.
 * - Its wire schemas, some 450 zod objects made on import and on the first message of each era, are each made on first use.
 *
 * Both rest on how the pinned version is written, so the build fails, instead of shipping something else, when a new
 * version is written differently.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";

/** Stands before the schemas of a file. A proxy, so that whoever holds a schema that nobody used yet may still use it. */
const lazily = `
const __lazySchema = (make) => {
  let made;
  const schema = () => (made ??= make());
  return new Proxy({}, {
    get: (_, key) => schema()[key],
    has: (_, key) => key in schema(),
    getPrototypeOf: () => Object.getPrototypeOf(schema()),
  });
};
`;

/** A schema as the bundled SDK declares it, at the top of a file or of the function that makes those of one era. */
const declaration = /^(\t?)const (\w+Schema(?:\$\d+)?) = (?=z\.|\w+Schema(?:\$\d+)?\.|wire[A-Z]\w+\()/;

/** The source with every schema wrapped, and how many they are. */
export function withLazySchemas(source: string): { readonly code: string; readonly schemas: number } {
  const lines = source.split("\n");
  const out: string[] = [];
  let schemas = 0;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const found = declaration.exec(line);
    const indent = found?.[1] ?? "";
    // It ends with the first line of the same depth that ends in a semicolon.
    const ends = (one: string): boolean => one.endsWith(";") && /^\t*/.exec(one)?.[0] === indent;
    const length = found === null ? -1 : lines.slice(at).findIndex(ends);
    if (found === null || length < 0) {
      out.push(line);
      continue;
    }
    const statement = lines.slice(at, at + length + 1).join("\n");
    const value = statement.slice(found[0].length, -1);
    out.push(`${indent}const ${found[2]} = /* @__PURE__ */ __lazySchema(() => ${value});`);
    schemas++;
    at += length;
  }
  const imports = out.findLastIndex((line) => line.startsWith("import "));
  out.splice(imports + 1, 0, lazily);
  return { code: out.join("\n"), schemas };
}

/** The files of the SDK that hold schemas, and how many there are at least in the pinned version. */
const files: readonly { readonly filter: RegExp; readonly atLeast: number }[] = [
  { filter: /@modelcontextprotocol[\\/]core[\\/]dist[\\/](?:schemas|auth)-[\w-]+\.mjs$/, atLeast: 14 },
  { filter: /@modelcontextprotocol[\\/]server[\\/]dist[\\/]src-[\w-]+\.mjs$/, atLeast: 260 },
];

/** The plugin for `scripts/build.ts`. */
export const leanSdk: Plugin = {
  name: "lean-sdk",
  setup(build) {
    const shims = fileURLToPath(new URL("lean-sdk-shims.ts", import.meta.url));
    build.onResolve({ filter: /^@modelcontextprotocol\/server\/_shims$/ }, () => ({ path: shims }));
    for (const { filter, atLeast } of files) {
      build.onLoad({ filter }, async ({ path }) => {
        const { code, schemas } = withLazySchemas(await readFile(path, "utf8"));
        if (schemas >= atLeast) return { contents: code, loader: "js" };
        return { errors: [{ text: `${path}: ${schemas} schemas found, at least ${atLeast} were expected` }] };
      });
    }
  },
};
