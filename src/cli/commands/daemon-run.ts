import { portwrightPaths } from "#adapters/system/paths.ts";
import { runDaemonProcess } from "#server/daemon/daemon-process.ts";
import type { Invocation } from "../command.ts";

/** `daemon run`: what a shim starts in the background. The application is loaded only once the lock is held. */
export async function runInForeground({ env, homeDir }: Invocation): Promise<never> {
  const code = await runDaemonProcess({
    paths: portwrightPaths(env, homeDir),
    env,
    homeDir,
    compose: async (context) => (await import("../../composition.ts")).composePortwright(context),
  });
  // What an adapter left open must not keep an ended daemon.
  process.exit(code);
}
