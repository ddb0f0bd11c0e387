/**
 * How soon services behind SSH come back, over OpenSSH servers of our own: the middle one of three hosts killed and
 * started again, and a server stopped by SIGSTOP and continued. `ssh -J` with ServerAliveInterval beside it.
 * `ROUNDS` (3), `AWAY_SECONDS` (10), `FROZEN_SECONDS` (60).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { redisCommand } from "../tests/support/redis-client.ts";
import { startRespServer } from "../tests/support/resp-server.ts";
import { hasSshd, startSshd } from "../tests/support/sshd.ts";
import { freePorts } from "./support/free-port.ts";
import { callOnce, makeHome } from "./support/portwright.ts";
import { end } from "./support/process.ts";
import { median, printTable, verdict } from "./support/stats.ts";

if (!hasSshd) {
  console.log("ssh-survival: needs /usr/sbin/sshd");
  process.exit(2);
}
const rounds = Number(process.env["ROUNDS"] ?? 3);
const awayMs = Number(process.env["AWAY_SECONDS"] ?? 10) * 1000;
const frozenMs = Number(process.env["FROZEN_SECONDS"] ?? 60) * 1000;
const patienceMs = 20_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const target = await startRespServer();
const servers = await Promise.all([startSshd(), startSshd(), startSshd()]);
const names = ["one", "two", "three"];
const [, middle] = servers;

/** The servers as hosts of a person's ~/.ssh/config. */
const hosts = servers.map(
  ({ port, user, keyFile, knownHostsFile }, index) =>
    `Host ${names[index]}\n HostName 127.0.0.1\n Port ${port}\n User ${user}\n IdentityFile ${keyFile}\n UserKnownHostsFile ${knownHostsFile}\n`,
);
const locals = await freePorts(4);
const [theirs = 0, ...ours] = locals;
const home = makeHome(
  `version: "1.0"\nservices:\n${ours
    .map(
      (port, index) =>
        `  - {name: s${index}, technology: ssh, local_port: ${port}, remote_port: ${target.port}, connection: {host: three, remote_host: 127.0.0.1}, via: [one, two], health_check: {type: redis, interval: 10s}}\n`,
    )
    .join("")}`,
);
const ssh = join(home.env["HOME"] ?? "", ".ssh");
mkdirSync(ssh, { mode: 0o700 });
const config = join(ssh, "config");
writeFileSync(config, hosts.join(""));

const startTheirs = (): ChildProcess =>
  spawn(
    "ssh",
    ["-F", config, "-N", "-J", "one,two", "-L", `127.0.0.1:${theirs}:127.0.0.1:${target.port}`].concat([
      "-o",
      "ServerAliveInterval=5",
      "-o",
      "ServerAliveCountMax=2",
      "-o",
      "BatchMode=yes",
      "three",
    ]),
    { stdio: "ignore" },
  );

/** Milliseconds until a new connection is answered; NaN when none is in time. */
async function answeredWithin(port: number): Promise<number> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < patienceMs) {
    const answer = await redisCommand(port, "PING", patienceMs).catch(() => undefined);
    if (answer === "+PONG") return performance.now() - startedMs;
    await pause(20);
  }
  return Number.NaN;
}

const figures = { away: [] as number[], frozen: [] as number[] };
const theirFigures = { away: [] as number[], frozen: [] as number[] };

async function measure(kind: "away" | "frozen", outage: () => Promise<void>): Promise<void> {
  const peer = startTheirs();
  await answeredWithin(theirs);
  await Promise.all(ours.map(answeredWithin));
  await outage();
  const [theirMs = 0, ...ourMs] = await Promise.all([theirs, ...ours].map(answeredWithin));
  theirFigures[kind].push(theirMs);
  figures[kind].push(Math.max(...ourMs));
  await end(peer, "SIGKILL");
}

const { shim, answer } = await callOnce(home, "start_environment");
try {
  if (answer.state !== "ready") throw new Error(JSON.stringify(answer));
  for (let round = 0; round < rounds; round++) {
    await measure("away", async () => {
      await middle.stop();
      await pause(awayMs);
      await middle.start();
    });
  }
  await measure("frozen", async () => {
    middle.freeze();
    await pause(frozenMs);
    middle.resume();
  });
} finally {
  await end(shim);
  home.run("daemon", "stop");
  home[Symbol.dispose]();
  for (const server of servers) await server[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
}

const row = (what: string, kind: "away" | "frozen", limitMs: number): (string | number)[] => {
  const worst = Math.max(...figures[kind]);
  const theirMs = median(theirFigures[kind]);
  return [
    what,
    median(figures[kind]),
    worst,
    Number.isNaN(theirMs) ? `not within ${patienceMs / 1000} s` : theirMs,
    `≤ ${limitMs}`,
    verdict(worst <= limitMs),
  ];
};
printTable(
  `three services over three hosts, ms until each answers a new connection again, ${rounds} rounds`,
  ["after", "ours", "worst", "ssh -J", "wanted", ""],
  [
    row(`the middle host was away for ${awayMs / 1000} s`, "away", 3000),
    row(`the middle host was stopped for ${frozenMs / 1000} s`, "frozen", 5000),
  ],
);
