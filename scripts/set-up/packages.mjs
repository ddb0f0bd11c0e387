import { readFileSync } from "node:fs";
import { join } from "node:path";
import { StepFailed, machinePath, npmEnvironment, runQuietly, say } from "./step.mjs";

/**
 * Whether what is installed is what the lock file says: npm writes its own account of `node_modules` when an installation
 * is complete, so an interrupted one never counts. Packages for other platforms may be missing.
 */
export function arePackagesCurrent(root) {
  const wanted = readPackages(join(root, "package-lock.json"));
  const installed = readPackages(join(root, "node_modules", ".package-lock.json"));
  if (!wanted)
    throw new StepFailed("package-lock.json is missing or unreadable: this does not look like a whole clone");
  if (!installed) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    if (path === "") return true;
    const found = installed[path];
    return found ? found.version === version && found.integrity === integrity : optional === true;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/**
 * `npm ci` on the machine's own Node. Without install scripts: the two native ones would build for that Node, which then
 * never loads them; the steps that follow run what is needed, on the pinned one.
 */
export async function installPackages(root) {
  say("installing the packages of package-lock.json (npm ci)");
  const args = ["ci", "--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund"];
  const env = npmEnvironment(machinePath());
  const { ok, output, seconds } = await runQuietly("npm", [...args, "--loglevel=error"], { cwd: root, env });
  if (!ok) throw new StepFailed(`npm ci failed after ${seconds} s:\n${output.trimEnd()}`);
  say(`installed in ${seconds} s`);
}
