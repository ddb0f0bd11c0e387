import { portwrightVersion } from "../version.ts";
import { consoleToStderr } from "./console-to-stderr.ts";
import type { DaemonPlace } from "./reach-daemon.ts";
import { runShim } from "./run-shim.ts";

/** This process as a shim between its stdin and stdout and the daemon; ends the process when the client is gone. */
export async function runShimProcess(options: {
  readonly place: DaemonPlace;
  readonly config?: string | undefined;
  readonly reachTimeoutMs?: number;
}): Promise<never> {
  consoleToStderr();
  // Nobody may read it any more.
  process.stderr.on("error", () => {});
  await runShim({
    ...options,
    version: portwrightVersion,
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    cwd: process.cwd(),
  });
  process.exit(0);
}
