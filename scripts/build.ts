/** Bundles the command to `dist/main.js`: one file set, split so that each command and adapter loads only its own part. */
import { rm } from "node:fs/promises";
import { build } from "esbuild";

await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: { main: "src/main.ts" },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  minifySyntax: true,
  legalComments: "linked",
  // Native modules find their binaries beside themselves, so they stay packages.
  external: ["better-sqlite3", "ssh2", "cpu-features"],
  chunkNames: "chunks/[name]-[hash]",
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
