import type { Log } from "#server/daemon/log.ts";
import { runDaemon, type DaemonOptions } from "#server/daemon/run-daemon.ts";
import { composeEcho } from "./echo-composition.ts";
import type { Sandbox } from "./processes.ts";

/** A log that is kept, as `message {facts}` lines. */
function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (facts: object, message: string): void => void lines.push(`${message} ${JSON.stringify(facts)}`);
  const log = { lines, debug: keep, info: keep, warn: keep, error: keep, child: () => log };
  return log;
}

/** A daemon of this process around the echo application, listening when this resolves. */
export async function startDaemon(
  sandbox: Sandbox,
  options: Partial<DaemonOptions> = {},
): Promise<AsyncDisposable & { readonly exitCode: Promise<number>; readonly log: string[]; stop(): void }> {
  const ending = new AbortController();
  const log = keptLog();
  const exitCode = runDaemon({
    paths: sandbox.paths,
    version: "0.1.0",
    compose: composeEcho,
    openLog: () => log,
    env: {},
    homeDir: sandbox.home,
    idleExitMs: 60_000,
    helloTimeoutMs: 300,
    signal: ending.signal,
    ...options,
  });
  const listening = async (): Promise<void> => {
    while ((await sandbox.control("status")) === undefined) await new Promise((resolve) => void setTimeout(resolve, 5));
  };
  await Promise.race([listening(), exitCode.catch(() => {})]);
  return {
    exitCode,
    log: log.lines,
    stop: () => ending.abort(),
    async [Symbol.asyncDispose]() {
      ending.abort();
      await exitCode.catch(() => {});
    },
  };
}
