/** `npm run check`: everything about the code that needs no running of it. Goes on after a failure, and says them all at the end. */
import { spawnSync } from "node:child_process";

const steps: readonly { readonly what: string; readonly command: string; readonly args: readonly string[] }[] = [
  { what: "types", command: "tsc", args: [] },
  { what: "lint", command: "oxlint", args: ["--type-aware", "--deny-warnings"] },
  { what: "format", command: "oxfmt", args: ["--check", "."] },
  { what: "dead code", command: "knip", args: [] },
  { what: "architecture", command: "vitest", args: ["run", "tests/architecture.test.ts", "--reporter=dot"] },
  { what: "package", command: "publint", args: ["--strict", "--pack=npm"] },
];

/** publint packs to see what a user gets; the set-up has built, and `prepack` would build under a running daemon's feet. */
const env = { ...process.env, npm_config_ignore_scripts: "true" };

const failed: string[] = [];
for (const { what, command, args } of steps) {
  const startedMs = performance.now();
  const { status, error } = spawnSync(command, args, { stdio: "inherit", env });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const ok = status === 0 && error === undefined;
  if (!ok) failed.push(what);
  console.log(`check: ${what} ${ok ? "passed" : "FAILED"} (${[command, ...args].join(" ")}, ${seconds} s)`);
}
console.log(failed.length === 0 ? "check: all passed" : `check: failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
