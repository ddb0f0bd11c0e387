import { Writable } from "node:stream";
import { acquireDaemonLock } from "#adapters/sqlite/daemon-lock.ts";
import { openStateStore } from "#adapters/sqlite/state-store.ts";
import type { PortwrightPaths } from "#adapters/system/paths.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { consoleToStderr } from "#shim/console-to-stderr.ts";
import { watchParent } from "#shim/parent-watch.ts";
import { portwrightVersion } from "../version.ts";
import type { Compose } from "#server/daemon/compose.ts";
import { toClientHello } from "#server/daemon/connection.ts";
import { openLog } from "#server/daemon/log.ts";
import type { HelloLine } from "#server/daemon/wire.ts";

/**
 * Everything in one process, between stdin and stdout: holds the same lock as a daemon, listens nowhere, and ends with
 * its client.
 * @returns the exit code
 * @throws ConnectivityError `daemon_running` when a daemon, or another such process, holds the lock
 */
export async function serveInProcess(options: {
  readonly paths: PortwrightPaths;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  readonly compose: Compose;
  readonly hello: HelloLine;
}): Promise<number> {
  using lock = acquireDaemonLock(options.paths.lockFile);
  if (lock === undefined) {
    throw new ConnectivityError(
      "daemon_running",
      "the Portwright daemon is running and holds the connections; leave out --no-daemon to use it, or end it with 'portwright daemon stop'",
      { lock: options.paths.lockFile },
    );
  }
  consoleToStderr();
  process.stderr.on("error", () => {});
  const output = takeStdout();
  const log = openLog({ level: options.env["PORTWRIGHT_LOG_LEVEL"] ?? "warn", version: portwrightVersion });
  const store = openStateStore(options.paths.databaseFile, {
    onDamaged: (setAside) => log.error({ path: setAside }, "the stored state was damaged and is set aside"),
  });
  const { application, serveMcp } = await options.compose({
    store,
    log,
    version: portwrightVersion,
    env: options.env,
    homeDir: options.homeDir,
  });
  try {
    using session = await application.connect(toClientHello(options.hello));
    const conversation = serveMcp(process.stdin, output, session);
    const restoring = application
      .restore()
      .catch((error: unknown) => log.error({ err: error }, "the wanted state was not restored"));
    const gone = new Promise<void>((resolve) => {
      output.on("error", () => resolve());
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => resolve());
      watchParent(() => resolve());
    });
    await Promise.race([conversation.closed, gone]);
    await conversation.close();
    await restoring;
  } finally {
    await application.close();
    store.close();
  }
  return 0;
}

/** stdout for JSON-RPC alone: whatever else in this process writes to it from now on goes to stderr. */
function takeStdout(): Writable {
  const write = process.stdout.write.bind(process.stdout);
  const output = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, encoding, done) => void write(chunk, encoding, done),
  });
  process.stdout.on("error", (error) => output.destroy(error));
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return output;
}
