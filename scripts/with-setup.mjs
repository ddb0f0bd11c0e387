#!/usr/bin/env node
/**
 * Gets a clone ready and then runs a command on the pinned Node: `node scripts/with-setup.mjs [COMMAND [ARGUMENTS…]]`.
 *
 * COMMAND is `node` or the name of an installed package's command (`vitest`). Ready means: the packages of the lock file
 * are installed, the pinned Node is there, ssh2's native crypto fits it where this machine can compile, and `dist/` was
 * built from the sources as they are. What is ready already is left alone, which takes some 20 ms. What it does goes to
 * stderr. Two that run at once share the work: one does it, the other waits.
 *
 * This file and its folder are run by whatever Node the machine has: nothing newer than Node 18, and no packages.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle, isBundleCurrent } from "./set-up/bundle.mjs";
import { withLock } from "./set-up/lock.mjs";
import { isNativeCryptoSettled, rebuildNativeCrypto } from "./set-up/native-crypto.mjs";
import { arePackagesCurrent, installPackages } from "./set-up/packages.mjs";
import { commandLine, hasPinnedNode, installPinnedNode, pathWithPinnedNode } from "./set-up/pinned-node.mjs";
import { StepFailed, say } from "./set-up/step.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** In order: each needs the ones before it. */
const steps = [
  { isDone: arePackagesCurrent, run: installPackages },
  { isDone: hasPinnedNode, run: installPinnedNode },
  { isDone: isNativeCryptoSettled, run: rebuildNativeCrypto },
  { isDone: isBundleCurrent, run: buildBundle },
];

async function getReady() {
  if (steps.every((step) => step.isDone(root))) return;
  await withLock(root, async () => {
    for (const step of steps) if (!step.isDone(root)) await step.run(root);
  });
}

/** Runs the command in this one's place: its streams, its signals, its exit code. */
function runCommand([name, ...rest]) {
  const [program, ...args] = commandLine(root, name);
  const child = spawn(program, [...args, ...rest], {
    stdio: "inherit",
    env: { ...process.env, PATH: pathWithPinnedNode(root) },
  });
  // A terminal sends Ctrl-C to the whole group; the child decides what it means, and this process waits for it.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    say(`cannot run ${program}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

try {
  await getReady();
  const command = process.argv.slice(2);
  if (command.length > 0) runCommand(command);
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  say(error.message);
  process.exitCode = 1;
}
