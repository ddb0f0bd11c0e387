import { existsSync, readFileSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { StepFailed, machinePath, npmEnvironment, runQuietly, say } from "./step.mjs";

const windows = process.platform === "win32";

/** Absolute path of the pinned Node. */
export const pinnedNode = (root) => join(root, "node_modules", "node", "bin", windows ? "node.exe" : "node");

export const hasPinnedNode = (root) => existsSync(pinnedNode(root)) && existsSync(join(root, "node_modules/.bin/node"));

/** PATH with the project's commands, the pinned Node among them, before everything else. */
export const pathWithPinnedNode = (root) => [join(root, "node_modules", ".bin"), machinePath()].join(delimiter);

/** The package `node` fetches the program for this platform in its install script. */
export async function installPinnedNode(root) {
  const { version } = readManifest(root, "node");
  say(`fetching Node ${version}, on which everything here runs (this process: ${process.version})`);
  const env = npmEnvironment(machinePath());
  const args = ["rebuild", "node", "--ignore-scripts=false", "--loglevel=error"];
  const { ok, output, seconds } = await runQuietly("npm", args, { cwd: root, env });
  if (!ok || !hasPinnedNode(root)) {
    throw new StepFailed(`Node ${version} could not be fetched (${seconds} s):\n${output.trimEnd()}`);
  }
  say(`fetched in ${seconds} s`);
}

/** The pinned Node's folder with `include/node`, for compiling against it; `undefined` where the platform's package has none. */
export function pinnedNodeHeaders(root) {
  const packages = join(root, "node_modules", "node", "node_modules");
  const folders = [
    ...list(packages).map((name) => join(packages, name)),
    ...list(join(root, "node_modules"), /^node-/),
  ];
  return folders.find((folder) => existsSync(join(folder, "include", "node", "node.h")));
}

function list(folder, pattern = /./) {
  try {
    return readdirSync(folder).filter((name) => pattern.test(name));
  } catch {
    return [];
  }
}

/** How to run `node` or a package's command on the pinned Node: a program and its first arguments. */
export function commandLine(root, name) {
  if (name === "node") return [pinnedNode(root)];
  const { bin } = readManifest(root, name);
  const script = typeof bin === "string" ? bin : bin && bin[name];
  if (!script) throw new StepFailed(`the package ${name} has no command of that name`);
  return [pinnedNode(root), join(root, "node_modules", name, script)];
}

/** The `package.json` of an installed package. */
export function readManifest(root, name) {
  try {
    return JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"));
  } catch {
    throw new StepFailed(`there is no installed package ${name}`);
  }
}
