/**
 * LocalPort beside ours, the same ten services over SSH: the time from a cold start until an exchange went through every
 * port, the memory of all processes (ours: daemon and shim), and the time until a killed tunnel was noticed and carried an exchange again.
 * Interleaved rounds; the checks of both run every two seconds.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { configuration, haveTestbed, sshService } from "./support/forward-services.ts";
import { installLocalport, startLocalport } from "./support/localport.ts";
import { callOnce, daemonPid, makeHome } from "./support/portwright.ts";
import { end, memoryOf, memoryOfTree, processTree } from "./support/process.ts";
import { killSessions, sshSessions } from "./support/ssh-sessions.ts";
import { median, printTable, verdict } from "./support/stats.ts";

const rounds = Number(process.env["ROUNDS"] ?? 3);
const settleMs = Number(process.env["SETTLE_MS"] ?? 5000);
const longestMs = 40_000;
const firstPort = 42_410;
const ports = Array.from({ length: 10 }, (_, index) => firstPort + index);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const missing = haveTestbed ? installLocalport() : 'the testbed is not there: eval "$(../shared/testbed/testbed env)"';
if (missing !== undefined) {
  console.log(`localport: ${missing}`);
  process.exit(2);
}
const yaml = (ours: boolean): string =>
  configuration(ports.map((localPort) => sshService({ name: `ssh${localPort}`, localPort, ours }))).replaceAll(
    /health_check: \{type: (\w+)\}/g,
    "health_check: {type: $1, interval: 2, timeout: 1}",
  );

/** One PING through a port. */
const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const done = (worked: boolean) => (): void => {
      socket.destroy();
      resolve(worked);
    };
    socket.setTimeout(1000, done(false));
    socket.once("data", done(true)).once("error", done(false)).once("end", done(false));
  });

/** When something holds first; NaN when it does not within the longest time. */
async function when(holds: () => boolean | Promise<boolean>, everyMs: number): Promise<number> {
  const untilMs = performance.now() + longestMs;
  while (!(await holds())) {
    if (performance.now() > untilMs) return Number.NaN;
    await pause(everyMs);
  }
  return performance.now();
}
const allAnswer = async (): Promise<number> =>
  Math.max(...(await Promise.all(ports.map((port) => when(() => answers(port), 20)))));

/** The moment at which the client of a connection that is in use sees that it broke. */
function brokenAt(port: number): Promise<number> {
  const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
  socket.on("error", () => undefined).resume();
  return new Promise((resolve) => socket.once("close", () => resolve(performance.now())));
}

/** What processes share is counted once (Linux). */
function pssMb(pids: readonly number[]): number {
  const kb = pids.map((pid) => {
    try {
      return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      return 0;
    }
  });
  return kb.reduce((sum, one) => sum + one, 0) / 1024;
}

interface Round {
  startMs: number;
  processes: number;
  pssMb: number;
  rssMb: number;
  privateMb: number;
  noticedMs: number;
  healedMs: number;
}
const figures: Record<"ours" | "localport", Round[]> = { ours: [], localport: [] };

const [port = firstPort] = ports;

/** Kills what carries the first port; `noticed`: when the tool itself has noticed, by its own way of telling. */
async function killTunnel(sessions: readonly number[], noticed: () => Promise<number>): Promise<[number, number]> {
  const broken = brokenAt(port);
  await pause(300);
  const killedMs = performance.now();
  killSessions(sessions);
  const [noticedMs] = await Promise.all([noticed(), broken]);
  const healedMs = await when(() => answers(port), 20);
  return [Math.max(0, noticedMs - killedMs), healedMs - killedMs];
}

async function ours(): Promise<void> {
  using home = makeHome(yaml(true));
  const startedMs = performance.now();
  const starting = callOnce(home, "start_environment");
  const startMs = (await allAnswer()) - startedMs;
  const { shim } = await starting;
  try {
    await pause(settleMs);
    const daemon = daemonPid(home);
    // The daemon that it started may be its child still: it alone.
    const [tree, own] = [memoryOfTree(daemon), memoryOf(shim.pid ?? 0)];
    // The link is replaced at once: the connections of the daemon to the bastion are others.
    const before = sshSessions([daemon]);
    const [noticedMs, healedMs] = await killTunnel(before, () =>
      when(() => sshSessions([daemon]).some((pid) => !before.includes(pid)), 10),
    );
    figures.ours.push({
      startMs,
      processes: tree.processes + 1,
      pssMb: pssMb([...processTree(daemon), shim.pid ?? 0]),
      rssMb: (tree.rssKb + own.rssKb) / 1024,
      privateMb: (tree.privateKb + own.privateKb) / 1024,
      noticedMs,
      healedMs,
    });
  } finally {
    await end(shim);
    home.run("daemon", "stop");
  }
}

async function localport(): Promise<void> {
  const startedMs = performance.now();
  await using daemon = startLocalport(yaml(false));
  const startMs = (await allAnswer()) - startedMs;
  await pause(settleMs);
  const { processes, rssKb, privateKb } = memoryOfTree(daemon.pid);
  const pss = pssMb(processTree(daemon.pid));
  const children = processTree(daemon.pid).slice(1);
  const sessions = sshSessions(children);
  // One tunnel a process: all are killed, as ours loses all ten with its one connection.
  const [noticedMs, healedMs] = await killTunnel(sessions, () =>
    when(() => processTree(daemon.pid).some((pid) => pid !== daemon.pid && !children.includes(pid)), 10),
  );
  figures.localport.push({
    startMs,
    processes,
    pssMb: pss,
    rssMb: rssKb / 1024,
    privateMb: privateKb / 1024,
    noticedMs,
    healedMs,
  });
}

for (let round = 0; round < rounds; round++) {
  await ours();
  await localport();
}

const of = (who: "ours" | "localport", key: keyof Round): number => median(figures[who].map((round) => round[key]));
const row = (what: string, key: keyof Round): (string | number)[] => {
  const [mine, theirs] = [of("ours", key), of("localport", key)];
  const better = Number.isNaN(theirs) ? "they did not within 40 s" : verdict(mine <= theirs);
  return [what, mine, theirs, theirs / mine, better];
};
printTable(
  `ten services over SSH, medians of ${rounds} interleaved rounds; checks every 2 s`,
  ["what", "ours", "LocalPort", "LocalPort ÷ ours", "ours is no worse"],
  [
    row("cold start until an exchange went through all ports, ms", "startMs"),
    row("processes", "processes"),
    row("RSS of all (what they share once for each), MB", "rssMb"),
    row("PSS of all (what they share once), MB", "pssMb"),
    row("private memory of all, MB", "privateMb"),
    row("all tunnels killed: noticed (another connection is made), ms", "noticedMs"),
    row("all tunnels killed: an exchange goes through again, ms", "healedMs"),
  ],
);
process.exit(process.exitCode ?? 0);
