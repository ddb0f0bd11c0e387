import type { PortwrightPaths } from "#adapters/system/paths.ts";
import { toConnectivityError } from "#domain/connectivity-error.ts";
import { portwrightVersion } from "../../version.ts";
import type { Compose } from "./compose.ts";
import type { Log } from "./log.ts";
import { onProcess } from "./on-events.ts";
import { exitLocked, runDaemon } from "./run-daemon.ts";

/** Without a client and with nothing wanted up, a daemon ends after this long; `PORTWRIGHT_IDLE_EXIT_S` sets another. */
const idleExitS = 600;

/** EX_SOFTWARE of sysexits.h. */
const exitCrashed = 70;

/**
 * A process that is nothing but the daemon: signals end it gracefully, a lost promise is logged and survived, an
 * exception that nobody caught ends it, because what it left half done is unknown; the clients' shims start the next
 * one, which restores the wanted state.
 * @returns the exit code
 */
export async function runDaemonProcess(options: {
  readonly paths: PortwrightPaths;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  readonly compose: Compose;
}): Promise<number> {
  const ending = new AbortController();
  using _end = onProcess(["SIGTERM", "SIGINT"], () => ending.abort());
  // The terminal that happened to start it was closed.
  using _stay = onProcess(["SIGHUP"], () => {});
  let crashes: Disposable | undefined;
  try {
    const code = await runDaemon({
      ...options,
      version: portwrightVersion,
      idleExitMs: idleExitMs(options.env["PORTWRIGHT_IDLE_EXIT_S"]),
      signal: ending.signal,
      openLog: async () => {
        const { openLog } = await import("./log.ts");
        const log = openLog({ level: options.env["PORTWRIGHT_LOG_LEVEL"], version: portwrightVersion });
        crashes = logCrashes(log);
        return log;
      },
    });
    if (code === exitLocked) process.stderr.write("portwright: another daemon is running\n");
    return code;
  } catch (error) {
    // The reason is the last line: clients are shown the end of this log.
    const { code, message } = toConnectivityError(error);
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    process.stderr.write(`${stack}\nportwright: the daemon cannot start: ${message} (${code})\n`);
    return exitCrashed;
  } finally {
    crashes?.[Symbol.dispose]();
  }
}

function logCrashes(log: Log): Disposable {
  const lost = onProcess(["unhandledRejection"], (reason) => log.error({ err: reason }, "a promise was lost"));
  const thrown = onProcess(["uncaughtException"], (error) => {
    log.error({ err: error }, "the daemon ends by an exception");
    process.exit(exitCrashed);
  });
  return {
    [Symbol.dispose]: () => {
      lost[Symbol.dispose]();
      thrown[Symbol.dispose]();
    },
  };
}

function idleExitMs(setting: string | undefined): number {
  const seconds = setting === undefined || setting === "" ? Number.NaN : Number(setting);
  return (Number.isFinite(seconds) && seconds > 0 ? seconds : idleExitS) * 1000;
}
