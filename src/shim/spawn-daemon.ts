import { spawn } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** A daemon that was started here and may not be ready yet. */
export interface SpawnedDaemon {
  /** `undefined` while it runs; 75 when another one holds the lock; `null` when it was killed or could not be started. */
  exitCode(): number | null | undefined;
}

/** What a daemon may know of the client that happened to start it. Secrets must not sit in a long-lived process. */
const keptNames: ReadonlySet<string> = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "TZ",
  "TMPDIR",
  "NODE_EXTRA_CA_CERTS",
  // Its own settings by name: a variable of a person's configuration may begin like them.
  "PORTWRIGHT_HOME",
  "PORTWRIGHT_LOG_LEVEL",
  "PORTWRIGHT_IDLE_EXIT_S",
]);
const keptPrefix = /^(?:LC|XDG|PORTWRIGHT_TEST)_/;
const secretName = /TOKEN|SECRET|PASS|CREDENTIAL|_KEY/;

/** The environment of a daemon: each client brings its own, later, with its hello. */
export function daemonEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || secretName.test(name)) continue;
    if (keptNames.has(name) || keptPrefix.test(name)) kept[name] = value;
  }
  // For glibc: what is freed at the top of the heap goes back to the system from 128 kB on. Without this the bound grows
  // with the largest block that was ever freed (2.5 MB less in the daemon, measured).
  kept["MALLOC_TRIM_THRESHOLD_"] = "131072";
  // The daemon runs in "/".
  if (kept["PORTWRIGHT_HOME"]) kept["PORTWRIGHT_HOME"] = resolve(kept["PORTWRIGHT_HOME"]);
  return kept;
}

/**
 * Starts a daemon that outlives this process: its own session (so that no signal of the client's terminal reaches it),
 * folder "/", output to the log file (0600).
 */
export function spawnDaemon(options: {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly logFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}): SpawnedDaemon {
  mkdirSync(dirname(options.logFile), { recursive: true, mode: 0o700 });
  const log = openSync(options.logFile, "a", 0o600);
  chmodSync(options.logFile, 0o600);
  let exitCode: number | null | undefined;
  try {
    const [program, ...args] = options.command;
    const child = spawn(program, args, {
      detached: true,
      cwd: "/",
      stdio: ["ignore", log, log],
      env: daemonEnvironment(options.env),
    });
    child.on("error", () => (exitCode = null));
    child.on("exit", (code) => (exitCode = code));
    child.unref();
  } finally {
    closeSync(log);
  }
  return { exitCode: () => exitCode };
}
