/**
 * Bundles the command: `dist/main.js` (the entry and the shim of `portwright mcp`, one CommonJS file) and `dist/cli.mjs`
 * with its chunks (all else, split so that each command and adapter loads only its own part).
 */
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { build, type BuildOptions, type Plugin } from "esbuild";
import { leanSdk } from "./lean-sdk.ts";

/** For bundled CommonJS, which calls `require` of built-in modules. */
const requireBanner =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

const common = {
  outdir: "dist",
  bundle: true,
  platform: "node",
  minify: true,
  legalComments: "linked",
  // Native modules find their binaries beside themselves, so they stay packages.
  external: ["better-sqlite3", "ssh2", "cpu-features"],
} as const satisfies BuildOptions;

/** From the entry to the ES modules. */
const apart: Readonly<Record<string, string>> = {
  "./cli/run-cli.ts": "./cli.mjs",
  "./composition.ts": "./composition.mjs",
};
const commandLineApart: Plugin = {
  name: "command-line-apart",
  setup: (esbuild) =>
    esbuild.onResolve({ filter: /^\.\// }, ({ path }) =>
      apart[path] === undefined ? undefined : { path: apart[path], external: true },
    ),
};

await rm("dist", { recursive: true, force: true });

// CommonJS, because setting up Node's loader of ES modules costs a shim 2 MB and 10 ms (measured on Node 24); syntax of
// Node 18, so that an older Node can say that it is too old.
await build({
  ...common,
  entryPoints: { main: "src/main.ts" },
  format: "cjs",
  target: "node18",
  plugins: [commandLineApart],
});

const { outputFiles } = await build({
  ...common,
  entryPoints: { cli: "src/cli/run-cli.ts", composition: "src/composition.ts" },
  plugins: [leanSdk],
  splitting: true,
  format: "esm",
  target: "node22",
  outExtension: { ".js": ".mjs" },
  chunkNames: "chunks/[name]-[hash]",
  banner: { js: requireBanner },
  write: false,
});
for (const { path, text } of outputFiles) {
  // Each `require` that is made costs time and memory at start: only the file with esbuild's own helper needs one.
  const needsRequire = text.replace(requireBanner, "").includes("typeof require");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, needsRequire ? text : text.replace(`${requireBanner}\n`, ""));
}

// The package is of type "module"; what is built says by itself what each file is.
await writeFile("dist/package.json", '{ "type": "commonjs" }\n');
// The package manager links to it as a program.
await chmod("dist/main.js", 0o755);
