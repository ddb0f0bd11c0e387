import type { Readable, Writable } from "node:stream";
import { acquireDaemonLock } from "#adapters/sqlite/daemon-lock.ts";
import { openStores } from "#adapters/sqlite/open-stores.ts";
import type { PortwrightPaths } from "#adapters/system/paths.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { portwrightVersion } from "../../version.ts";
import type { Compose } from "./compose.ts";
import { toClientHello } from "./connection.ts";
import { openLog } from "./log.ts";
import { onProcess } from "./on-events.ts";
import { watchParent } from "./parent-watch.ts";
import type { HelloLine } from "./wire.ts";

/**
 * Everything in one process, for one client: holds the same lock as a daemon, listens nowhere, and ends with
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
  /** Called once the lock is held: from then on stdout may belong to JSON-RPC. */
  readonly openStreams: () => { readonly input: Readable; readonly output: Writable };
}): Promise<number> {
  using lock = acquireDaemonLock(options.paths.lockFile);
  if (lock === undefined) {
    throw new ConnectivityError(
      "daemon_running",
      "the Portwright daemon is running and holds the connections; leave out --no-daemon to use it, or end it with 'portwright daemon stop'",
      { lock: options.paths.lockFile },
    );
  }
  const { input, output } = options.openStreams();
  const log = openLog({ level: options.env["PORTWRIGHT_LOG_LEVEL"] ?? "warn", version: portwrightVersion });
  const stores = openStores(options.paths.databaseFile, {
    onDamaged: (setAside) => log.error({ path: setAside }, "the stored state was damaged and is set aside"),
  });
  const { application, serveMcp } = await options.compose({
    stores,
    log,
    version: portwrightVersion,
    env: options.env,
    homeDir: options.homeDir,
  });
  try {
    using session = await application.connect(toClientHello(options.hello));
    const conversation = await serveMcp(input, output, session);
    const restoring = application
      .restore()
      .catch((error: unknown) => log.error({ err: error }, "the wanted state was not restored"));
    const gone = Promise.withResolvers<void>();
    output.on("error", () => gone.resolve());
    watchParent(() => gone.resolve());
    using _signals = onProcess(["SIGTERM", "SIGINT", "SIGHUP"], () => gone.resolve());
    await Promise.race([conversation.closed, gone.promise]);
    await conversation.close();
    await restoring;
  } finally {
    await application.close();
    stores.close();
  }
  return 0;
}
