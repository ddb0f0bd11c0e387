/**
 * Our second SSH driver (the system's OpenSSH over a control socket) beside `ssh -L` itself, through the same sshd on this
 * machine with the same cipher; interleaved, medians. Once as for a service whose protocol lets its clients be handed to
 * OpenSSH (http, postgres, redis, …), and once as for others, relayed. `npm run bench -- ssh-system`. Needs sshd, ssh and
 * iperf3.
 *
 * `ssh -L` runs twice: in the session of this bench, which the verdict is about, and in a session of its own, as ours does
 * and as `ssh -f` would. Linux may share its processors out by session (`kernel.sched_autogroup_enabled`); the second one
 * shows whether that is part of a difference.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { daemonFlags } from "../src/shim/daemon-place.ts";
import { startSshd, type Sshd } from "../tests/support/sshd.ts";
import { freePort, listening } from "./support/free-port.ts";
import { end } from "./support/process.ts";
import { firstByte, roundTrips, throughput } from "./support/ssh-clients.ts";
import { startTargetProcess } from "./support/ssh-target.ts";
import { median, printTable, verdict } from "./support/stats.ts";

const rounds = Number(process.env["ROUNDS"] ?? 8);
const bulkSeconds = Number(process.env["BULK_SECONDS"] ?? 2);
const cipher = "aes128-gcm@openssh.com";

interface Forward {
  readonly child: ChildProcess;
  readonly port: number;
}

async function driver(server: Sshd, targetPort: number, relayed: boolean): Promise<Forward> {
  const connection = {
    host: "127.0.0.1",
    port: server.port,
    user: server.user,
    key_file: server.keyFile,
    known_hosts_file: server.knownHostsFile,
    remote_host: "127.0.0.1",
    driver: "openssh",
  };
  const settings = JSON.stringify({ connections: [connection], targetPort, javascript: false, relayed });
  const entry = join(import.meta.dirname, "ssh-entry.ts");
  const argv = [...daemonFlags, entry, settings];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { ports } = JSON.parse(String(line)) as { ports: number[] };
  return { child, port: ports[0] ?? 0 };
}

async function itself(server: Sshd, targetPort: number, ownSession: boolean): Promise<Forward> {
  const port = await freePort();
  const options = [`UserKnownHostsFile=${server.knownHostsFile}`, "IdentitiesOnly=yes", `Ciphers=${cipher}`];
  const login = ["-i", server.keyFile, "-p", String(server.port), "-l", server.user];
  const forward = ["-L", `127.0.0.1:${port}:127.0.0.1:${targetPort}`, "127.0.0.1"];
  const argv = ["-F", "none", "-N", "-T", ...login, ...options.flatMap((option) => ["-o", option]), ...forward];
  const child = spawn("ssh", argv, { stdio: ["ignore", "ignore", "inherit"], detached: ownSession });
  await listening(port);
  return { child, port };
}

await using sshd = await startSshd([`Ciphers ${cipher}`, "MaxStartups 100", "MaxSessions 100"]);
type Figures = Record<string, number[]>;
const [handed, relayed, theirs, apart]: [Figures, Figures, Figures, Figures] = [{}, {}, {}, {}];

/** @param warmUp what the first figures would be of, by each: a daemon compiles what was called some thousand times */
async function measure(
  targetPort: number,
  run: (port: number) => Promise<Record<string, number>>,
  warmUp: (port: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const all = [
    [await driver(sshd, targetPort, false), handed],
    [await itself(sshd, targetPort, false), theirs],
    [await driver(sshd, targetPort, true), relayed],
    [await itself(sshd, targetPort, true), apart],
  ] as const;
  try {
    for (const [{ port }] of all) await warmUp(port);
    for (let round = 0; round < rounds; round++) {
      // Who comes after the one that made the machine warm or tired changes from round to round.
      const first = round % all.length;
      for (const [{ port }, into] of [...all.slice(first), ...all.slice(0, first)]) {
        for (const [what, value] of Object.entries(await run(port))) (into[what] ??= []).push(value);
      }
    }
  } finally {
    for (const [{ child }] of all) await end(child, "SIGKILL");
  }
}

const iperfPort = await freePort();
const iperf = spawn("iperf3", ["-s", "-p", String(iperfPort)], { stdio: "ignore" });
await new Promise((resolve) => setTimeout(resolve, 300));
await measure(iperfPort, async (port) => ({
  down: await throughput(port, bulkSeconds, "down"),
  up: await throughput(port, bulkSeconds, "up"),
}));
await end(iperf, "SIGKILL");
{
  await using echo = await startTargetProcess();
  await measure(
    echo.port,
    async (port) => ({
      byte: (await roundTrips(port, { count: 1000 })).p50 * 1000,
      first: await firstByte(port, 200),
    }),
    (port) => firstByte(port, 1000),
  );
}

for (const [how, ours] of [
  ["handed over", handed],
  ["relayed", relayed],
] as const) {
  const row = (title: string, what: string, wanted: string, kept: (ratio: number) => boolean): (string | number)[] => {
    const [mine, other, alone] = [ours, theirs, apart].map((figures) => median(figures[what] ?? [])) as [
      number,
      number,
      number,
    ];
    return [title, mine, other, mine / other, wanted, verdict(kept(mine / other)), alone, mine / alone];
  };
  printTable(
    `Our OpenSSH driver beside ssh -L, clients ${how}, ${rounds} rounds`,
    ["figure", "driver openssh", "ssh -L", "ratio", "wanted", "", "in its own session", "ratio"],
    [
      row("throughput down, MB/s", "down", "≥ 0.95 ×", (ratio) => ratio >= 0.95),
      row("throughput up, MB/s", "up", "≥ 0.95 ×", (ratio) => ratio >= 0.95),
      row("round trip of a byte, µs", "byte", "≤ 1.2 ×", (ratio) => ratio <= 1.2),
      row("first byte of a new channel, µs", "first", "≤ 1.2 ×", (ratio) => ratio <= 1.2),
    ],
  );
}
