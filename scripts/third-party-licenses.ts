/**
 * Writes `dist/THIRD-PARTY-LICENSES.txt`: name, version and licence text of every package whose code is bundled into
 * `dist`, which MIT, ISC and Apache-2.0 ask to go along with it. Fails when a package has no licence text. What stays a
 * package (better-sqlite3, ssh2) brings its own.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { leanSdk } from "./lean-sdk.ts";

/** Nothing is written: only which files would come into a bundle counts, whatever its form. */
const { metafile } = await build({
  entryPoints: ["src/main.ts", "src/cli/run-cli.ts", "src/composition.ts"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  external: ["better-sqlite3", "ssh2", "cpu-features"],
  plugins: [leanSdk],
  metafile: true,
  write: false,
  logLevel: "warning",
});

/** `node_modules/@scope/name`, also where packages are nested. */
const packageFolder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const bundled = Object.values(metafile.outputs).flatMap(({ inputs }) =>
  Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
);
const folders = [...new Set(bundled.flatMap((path) => packageFolder.exec(path)?.[0] ?? []))].toSorted();

const sections = await Promise.all(folders.map(sectionOf));
const intro = `The files of this folder hold code of ${sections.length} packages besides Portwright's own. Their licences:`;
await writeFile("dist/THIRD-PARTY-LICENSES.txt", [intro, ...sections].join(`\n\n${"-".repeat(80)}\n\n`));
console.log(`licences: ${folders.map((folder) => folder.replace(/^.*node_modules\//, "")).join(", ")}`);

async function sectionOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
  };
  const files = (await readdir(folder)).filter((file) => /^(?:licen[cs]e|copying|notice)(?:[.-]|$)/i.test(file));
  if (files.length === 0) throw new Error(`${name} ${version} is bundled and has no licence text`);
  const texts = await Promise.all(files.toSorted().map((file) => readFile(join(folder, file), "utf8")));
  return `${name} ${version} (${license ?? "see below"})\n\n${texts.map((text) => text.trim()).join("\n\n")}\n`;
}
