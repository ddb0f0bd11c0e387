import { createServer, type Server } from "node:net";
import { acquireDaemonLock } from "#adapters/sqlite/daemon-lock.ts";
import { openStores } from "#adapters/sqlite/open-stores.ts";
import type { PortwrightPaths } from "#adapters/system/paths.ts";
import { bindSocket } from "./bind-socket.ts";
import type { Compose, Composed, DaemonApplication } from "./compose.ts";
import { Connection, type Surroundings } from "./connection.ts";
import { watchIdle } from "./idle-exit.ts";
import type { Log } from "./log.ts";
import { watchMemory } from "./memory-at-rest.ts";
import { rotateLog } from "./rotate-log.ts";
import { writeSocketHint } from "./socket-hint.ts";
import { wireVersion, type ClosingReason, type ControlVerb, type DaemonStatus } from "./wire.ts";

export interface DaemonOptions {
  readonly paths: PortwrightPaths;
  readonly version: string;
  readonly compose: Compose;
  /** Called once the lock is held, so that a process that loses the race loads nothing more. */
  readonly openLog: () => Log | Promise<Log>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  /** Without a client and with nothing wanted up for this long, the daemon ends. */
  readonly idleExitMs: number;
  readonly helloTimeoutMs?: number;
  /** Ends the daemon gracefully. */
  readonly signal?: AbortSignal;
}

/** The exit code of a daemon that found another one running (EX_TEMPFAIL of sysexits.h). */
export const exitLocked = 75;

/** A forward that does not close in this time is left to the end of the process. */
const closeTimeoutMs = 5000;

/**
 * Runs this user's daemon until it is told to end or idle.
 * @returns the exit code: 0, or 75 when another daemon holds the lock
 * @throws ConnectivityError when the store or the socket cannot be opened
 */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  using lock = acquireDaemonLock(options.paths.lockFile);
  if (lock === undefined) return exitLocked;
  rotateLog(options.paths.logFile);
  const log = await options.openLog();
  const stores = openStores(options.paths.databaseFile, {
    onDamaged: (setAside) => log.error({ path: setAside }, "the stored state was damaged and is set aside"),
  });
  try {
    const { env, homeDir, version } = options;
    const composed = await options.compose({ stores, log, version, env, homeDir });
    try {
      await serve(options, composed, log);
    } finally {
      await closeWithin(composed.application, log);
    }
  } finally {
    stores.close();
  }
  log.info({}, "the daemon ended");
  return 0;
}

/** Accepts clients until the daemon ends; resolves when the last connection is closed. */
async function serve(options: DaemonOptions, composed: Composed, log: Log): Promise<void> {
  const startedMs = performance.now();
  const open = new Set<Connection>();
  const clients = (): number => [...open].filter((connection) => connection.isClient).length;
  let end: (reason: ClosingReason) => void = () => {};
  const ending = new Promise<ClosingReason>((resolve) => {
    end = resolve;
  });

  const status = (): DaemonStatus => {
    const { services, connections } = composed.application.status();
    return {
      portwright: wireVersion,
      pid: process.pid,
      version: options.version,
      uptime_s: Math.round((performance.now() - startedMs) / 1000),
      clients: clients(),
      services,
      connections,
    };
  };
  const control = (verb: ControlVerb, askedBy: string): DaemonStatus => {
    const now = status();
    if (verb === "status") return now;
    const ends = verb === "stop" || now.connections === 0;
    log.info({ verb, asked_by: askedBy, connections: now.connections, ends }, "asked to end");
    if (ends) setImmediate(() => end(verb));
    return { ...now, ending: ends };
  };

  const surroundings: Surroundings = {
    ...composed,
    version: options.version,
    log,
    helloTimeoutMs: options.helloTimeoutMs ?? 5000,
    control,
  };
  using memory = watchMemory({ busy: () => composed.application.status().connections > 0 });
  const server = createServer((socket) => {
    const connection = new Connection(socket, surroundings);
    open.add(connection);
    memory.stirred();
    void connection.closed.then(() => {
      open.delete(connection);
      memory.stirred();
    });
  });
  const { socketFile, stateDir } = options.paths;
  await bindSocket(server, socketFile);
  writeSocketHint(stateDir, socketFile);
  server.on("error", (error) => log.error({ err: error }, "the daemon's socket failed"));
  log.info({ socket: socketFile }, "the daemon is ready");
  memory.stirred();
  composed.application
    .restore()
    .catch((error: unknown) => log.error({ err: error }, "the wanted state was not restored"));

  const idle = watchIdle({
    idleMs: options.idleExitMs,
    busy: () => clients() > 0 || composed.application.status().services.wanted > 0,
    onIdle: () => end("stop"),
  });
  options.signal?.addEventListener("abort", () => end("stop"), { once: true });
  if (options.signal?.aborted === true) end("stop");

  const reason = await ending;
  idle[Symbol.dispose]();
  await close(server, open, reason);
}

/** No new connection from here on; clients are told why, and cut off when they do not go. */
async function close(server: Server, connections: ReadonlySet<Connection>, reason: ClosingReason): Promise<void> {
  server.close();
  const open = [...connections];
  const cut = setTimeout(() => open.forEach((connection) => connection.destroy()), 1000);
  await Promise.all(open.map((connection) => connection.end(reason)));
  await Promise.all(open.map((connection) => connection.closed));
  clearTimeout(cut);
}

async function closeWithin(application: DaemonApplication, log: Log): Promise<void> {
  const closing = application
    .close()
    .catch((error: unknown) => log.error({ err: error }, "closing the forwards failed"));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      log.warn({ timeout_ms: closeTimeoutMs }, "not every forward closed in time");
      resolve();
    }, closeTimeoutMs);
  });
  await Promise.race([closing, late]);
  clearTimeout(timer);
}
