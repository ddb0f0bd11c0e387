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
  await runShim({
    ...options,
    version: portwrightVersion,
    input: process.stdin,
    output: process.stdout,
    notice: (text) => {
      // stderr is set up on first use (5 ms), and nobody may read it any more.
      if (process.stderr.listenerCount("error") === 0) process.stderr.on("error", () => {});
      process.stderr.write(`portwright: ${text}\n`);
    },
    cwd: process.cwd(),
  });
  process.exit(0);
}
