import { portwrightPaths } from "#adapters/system/paths.ts";
import { runDaemonProcess } from "#server/daemon/daemon-process.ts";
import type { Invocation } from "../command.ts";

/** `daemon run`: what a shim starts in the background. */
export async function runInForeground({ env, homeDir, compose }: Invocation): Promise<never> {
  const code = await runDaemonProcess({
    paths: portwrightPaths(env, homeDir),
    env,
    homeDir,
    compose,
  });
  // What an adapter left open must not keep an ended daemon.
  process.exit(code);
}
