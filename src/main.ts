#!/usr/bin/env node
/**
 * The command. Refuses an old Node before anything else is loaded. `portwright mcp`, which every AI client starts, is in
 * this one file with its shim; all else comes from the command line's own files.
 */
const oldest = [22, 19] as const;
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const words = process.argv.slice(2);

if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  process.stderr.write(
    `portwright needs Node ${oldest.join(".")} or newer, and this is Node ${process.versions.node}: install a newer one from https://nodejs.org.\n`,
  );
  process.exitCode = 2;
} else {
  const [command, option, config, ...more] = words;
  const named = option === "--config" && config !== undefined && more.length === 0;
  if (command === "mcp" && (option === undefined || named)) {
    void import("./shim/shim-command.ts").then(({ runShimCommand }) => runShimCommand(process.argv[1] ?? "", config));
  } else {
    void import("./cli/run-cli.ts").then(({ runCli }) =>
      runCli(words, (context) => import("./composition.ts").then(({ composeDaemon }) => composeDaemon(context))),
    );
  }
}

export {};
