import { portwrightPaths } from "#adapters/system/paths.ts";
import type { DaemonPlace } from "./reach-daemon.ts";

/**
 * The daemon lives long and allocates little: one semi-space of a megabyte (3 to 5 MB less, measured), and no thread
 * with its own arena for optimizing what is called often (1 MB less), one thread of the engine in place of four (0.4 MB less).
 */
export const daemonFlags = ["--max-semi-space-size=1", "--no-concurrent-recompilation", "--v8-pool-size=1"];

/** Where this user's daemon is, and how this program starts one. */
export function daemonPlace(program: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  /** The program and arguments that run this command line again. */
  readonly self: readonly [string, ...string[]];
}): DaemonPlace {
  const [node, ...script] = program.self;
  return {
    paths: portwrightPaths(program.env, program.homeDir),
    command: [node, ...daemonFlags, ...script, "daemon", "run"],
    env: program.env,
  };
}
