import { existsSync } from "node:fs";
import type { PortwrightPaths } from "#adapters/system/paths.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { compareVersions } from "#server/daemon/versions.ts";
import { isOwnFolder, readSocketHint } from "#server/daemon/socket-hint.ts";
import {
  wireVersion,
  type ControlLine,
  type ControlVerb,
  type DaemonStatus,
  type HelloLine,
} from "#server/daemon/wire.ts";
import { askDaemon, dialDaemon, type DaemonConnection } from "./dial.ts";
import { logTail } from "./log-tail.ts";
import type { SpawnedDaemon } from "./spawn-daemon.ts";

/** Where the daemon is, and how one is started. */
export interface DaemonPlace {
  readonly paths: PortwrightPaths;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ReachOptions {
  readonly timeoutMs?: number;
  /** Waits this long for somebody else's daemon before starting one. */
  readonly patienceMs?: number;
}

const pollMs = 25;
const startingPollMs = 10;
/** A daemon that lost the race for the lock is not tried again at once: the winner is about to listen. */
const respawnMs = 500;
const exitLocked = 75;
/** A daemon that cannot even start will not the tenth time. */
const maxCrashes = 3;

/**
 * A connection to the daemon, which is started when none runs and asked to step aside when it is older than this client.
 * @throws ConnectivityError `daemon_unreachable`, with the last lines of its log as `untrusted`
 */
export async function reachDaemon(
  place: DaemonPlace,
  hello: HelloLine,
  options: ReachOptions = {},
): Promise<DaemonConnection> {
  const startMs = performance.now();
  const left = (): number => startMs + (options.timeoutMs ?? 10_000) - performance.now();
  let spawned: SpawnedDaemon | undefined;
  let spawnAtMs = startMs + (options.patienceMs ?? 0);
  let exitCode: number | null | undefined;
  let crashes = 0;
  let handOverAsked = false;
  while (left() > 0) {
    const connection = await dialEither(place, hello, left());
    if (connection !== undefined) {
      if (connection.answer.refused === true) throw refused(connection);
      if (handOverAsked || !isOlder(connection, hello)) return connection;
      handOverAsked = true;
      if (!(await agreesToHandOver(place, hello, left()))) return connection;
      connection.socket.destroy();
      continue;
    }
    if (spawned !== undefined && spawned.exitCode() !== undefined) {
      exitCode = spawned.exitCode();
      spawned = undefined;
      if (exitCode !== exitLocked && ++crashes >= maxCrashes) break;
    }
    if (spawned === undefined && performance.now() >= spawnAtMs) {
      spawned = (await import("./spawn-daemon.ts")).spawnDaemon({ ...place, logFile: place.paths.logFile });
      spawnAtMs = performance.now() + respawnMs;
    }
    await pause(pollMs);
    if (spawned !== undefined) await socketOrEnd(spawned, place, left);
  }
  throw unreachable(place, exitCode);
}

/**
 * Until a daemon that was started here has a socket or ended, nothing else is looked at: that leaves so little behind
 * that the shim needs no collection (0.6 MB less).
 */
async function socketOrEnd(spawned: SpawnedDaemon, { paths }: DaemonPlace, leftMs: () => number): Promise<void> {
  while (spawned.exitCode() === undefined && !existsSync(paths.socketFile) && leftMs() > 0) await pause(startingPollMs);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** At the socket that this environment expects, else where the running daemon said that it listens. */
async function dialEither(
  { paths }: DaemonPlace,
  hello: HelloLine,
  timeoutMs: number,
): Promise<DaemonConnection | undefined> {
  const connection = await dialDaemon(ownSocket(paths.socketFile), hello, timeoutMs);
  if (connection !== undefined) return connection;
  const hint = readSocketHint(paths.stateDir);
  return hint === undefined || hint === paths.socketFile ? undefined : dialDaemon(ownSocket(hint), hello, timeoutMs);
}

function ownSocket(path: string): string {
  if (isOwnFolder(path)) return path;
  throw new ConnectivityError("daemon_unreachable", "the folder of the daemon's socket belongs to another user", {
    path,
  });
}

/** The daemon's answer to a question about itself; `undefined` when none runs. */
export async function askRunningDaemon(
  paths: PortwrightPaths,
  question: { readonly version: string; readonly control: ControlVerb },
  timeoutMs = 5000,
): Promise<DaemonStatus | undefined> {
  const line: ControlLine = { portwright: wireVersion, ...question };
  const answer = await askDaemon(ownSocket(paths.socketFile), line, timeoutMs);
  if (answer !== undefined) return answer;
  const hint = readSocketHint(paths.stateDir);
  return hint === undefined || hint === paths.socketFile ? undefined : askDaemon(ownSocket(hint), line, timeoutMs);
}

const isOlder = ({ answer }: DaemonConnection, hello: HelloLine): boolean =>
  compareVersions(hello.version, answer.version) > 0;

async function agreesToHandOver({ paths }: DaemonPlace, { version }: HelloLine, timeoutMs: number): Promise<boolean> {
  const answer = await askRunningDaemon(paths, { version, control: "hand_over" }, timeoutMs);
  return answer?.ending === true;
}

function refused(connection: DaemonConnection): ConnectivityError {
  connection.socket.destroy();
  const { error, pid, version } = connection.answer;
  return new ConnectivityError(
    "daemon_unreachable",
    `the running daemon (version ${version}) does not accept this client; 'portwright daemon stop' ends it`,
    { pid, version, ...(error !== undefined && { reason: error.code }) },
  );
}

function unreachable(place: DaemonPlace, exitCode: number | null | undefined): ConnectivityError {
  const tail = logTail(place.paths.logFile, 3);
  const what =
    exitCode === undefined
      ? "the daemon does not answer"
      : exitCode === exitLocked
        ? "another Portwright process holds the daemon's lock and does not answer (one started with --no-daemon, perhaps)"
        : "the daemon cannot be started";
  return new ConnectivityError(
    "daemon_unreachable",
    `${what}; its log is ${place.paths.logFile}`,
    { log: place.paths.logFile, ...(typeof exitCode === "number" && { exit_code: exitCode }) },
    tail === "" ? {} : { untrusted: tail },
  );
}
