import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { npmEnvironment, machinePath, runQuietly, say } from "./step.mjs";
import { pathWithPinnedNode, pinnedNodeHeaders, readManifest } from "./pinned-node.mjs";

/**
 * ssh2 has an optional native part for its ciphers. It fits one version of Node, so it is compiled for the pinned one,
 * where this machine has a compiler; without it ssh2 uses Node's own crypto, which is slower and otherwise the same.
 */
const nativePackages = ["ssh2", "cpu-features"];
const stamp = (root) => join(root, "node_modules", ".native-crypto.json");

/** Whether it was built for the pinned Node, could not be, or this machine has no compiler now as then. */
export function isNativeCryptoSettled(root) {
  try {
    const { key, result } = JSON.parse(readFileSync(stamp(root), "utf8"));
    return key === keyOf(root) && (result !== "no compiler" || missingTools(root).length > 0);
  } catch {
    return false;
  }
}

const keyOf = (root) =>
  ["node", ...nativePackages].map((name) => `${name} ${readManifest(root, name).version}`).join(", ");

/** Never fails: its absence is normal, and said. */
export async function rebuildNativeCrypto(root) {
  const missing = missingTools(root);
  const result = missing.length > 0 ? "no compiler" : await rebuild(root);
  if (result === "no compiler") {
    say(`no ${missing.join(", no ")}: ssh2 runs without its native crypto, which is normal (bulk over SSH is slower)`);
  }
  writeFileSync(stamp(root), `${JSON.stringify({ key: keyOf(root), result })}\n`);
}

async function rebuild(root) {
  say("compiling ssh2's native crypto for the pinned Node (optional)");
  const env = npmEnvironment(pathWithPinnedNode(root), { npm_config_nodedir: pinnedNodeHeaders(root) });
  const args = ["rebuild", ...nativePackages, "--ignore-scripts=false", "--loglevel=error"];
  const { ok, output, seconds } = await runQuietly("npm", args, { cwd: root, env });
  const built = existsSync(join(root, "node_modules/ssh2/lib/protocol/crypto/build/Release/sshcrypto.node"));
  if (ok && built) {
    say(`compiled in ${seconds} s`);
    return "built";
  }
  say(`it could not be compiled (${seconds} s), which is normal; ssh2 runs without it (bulk over SSH is slower)`);
  const [reason] = output.split("\n").filter((line) => /error|not found/i.test(line));
  if (reason) say(`  ${reason.trim().slice(0, 200)}`);
  return "not built";
}

const windows = process.platform === "win32";
const toolSets = [
  ["C++ compiler", ["c++", "g++", "clang++"]],
  ["make", ["make", "gmake"]],
  ["python3", ["python3", "python"]],
];

/** What is missing here for compiling a native package; on Windows only node-gyp can tell, so nothing is. */
function missingTools(root) {
  const missing = windows ? [] : toolSets.filter(([, names]) => !names.some(isInPath)).map(([what]) => what);
  return pinnedNodeHeaders(root) ? missing : [...missing, "headers of the pinned Node"];
}

const isInPath = (name) =>
  machinePath()
    .split(delimiter)
    .some((folder) => existsSync(join(folder, name)));
