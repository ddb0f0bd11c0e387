import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StepFailed, runQuietly, say } from "./step.mjs";
import { pathWithPinnedNode, pinnedNode } from "./pinned-node.mjs";

const sources = ["src", "tools", "resources", "prompts", "scripts", "package.json", "package-lock.json"];
const stamp = (root) => join(root, "node_modules", ".cache", "portwright", "bundle.json");

/** Whether `dist/` was built here from the sources as they are, by their content (a checkout changes times). */
export function isBundleCurrent(root) {
  try {
    const { from, builtMs } = JSON.parse(readFileSync(stamp(root), "utf8"));
    return builtMs === builtAt(root) && from === fingerprint(root);
  } catch {
    return false;
  }
}

const builtAt = (root) => statSync(join(root, "dist", "main.js")).mtimeMs;

function fingerprint(root) {
  const hash = createHash("sha256");
  for (const source of sources) addTo(hash, root, source);
  return hash.digest("hex");
}

function addTo(hash, root, path) {
  const absolute = join(root, path);
  const stats = statSync(absolute, { throwIfNoEntry: false });
  if (!stats) return;
  if (stats.isDirectory()) {
    for (const name of readdirSync(absolute).sort()) addTo(hash, root, `${path}/${name}`);
    return;
  }
  hash.update(`${path}\0${stats.size}\0`);
  hash.update(readFileSync(absolute));
}

export async function buildBundle(root) {
  say("building dist/");
  const from = fingerprint(root);
  const env = { ...process.env, PATH: pathWithPinnedNode(root) };
  const { ok, output, seconds } = await runQuietly(pinnedNode(root), ["scripts/build.ts"], { cwd: root, env });
  if (!ok) throw new StepFailed(`the build failed:\n${output.trimEnd()}`);
  mkdirSync(join(stamp(root), ".."), { recursive: true });
  writeFileSync(stamp(root), JSON.stringify({ from, builtMs: builtAt(root) }));
  say(`built in ${seconds} s`);
}
