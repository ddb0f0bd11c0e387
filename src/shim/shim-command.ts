import { homedir } from "node:os";
import { resolve } from "node:path";
import { daemonPlace } from "./daemon-place.ts";
import { runShimProcess } from "./shim-process.ts";

/**
 * `portwright mcp` without anything of the command line around it; a `config` path starts at the working directory.
 * `script` is the file of the command, which is run again as the daemon.
 */
export function runShimCommand(script: string, config: string | undefined): Promise<never> {
  return runShimProcess({
    place: daemonPlace({ env: process.env, homeDir: homedir(), self: [process.execPath, script] }),
    config: config === undefined ? undefined : resolve(config),
  });
}
