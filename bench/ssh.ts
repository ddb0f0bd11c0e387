/**
 * Our SSH forward beside OpenSSH's `ssh -L`, both through the same sshd on this machine with the same cipher
 * (aes128-gcm@openssh.com), each a process of its own; interleaved, medians. `npm run bench -- ssh latency channels`
 * measures only those; there are: throughput, latency, channels, mixed, services, stalled. Needs sshd, ssh and iperf3.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { daemonFlags } from "../src/shim/daemon-place.ts";
import { startSshd, type Sshd } from "../tests/support/sshd.ts";
import { freePort, listening } from "./support/free-port.ts";
import { end, memoryOfTree } from "./support/process.ts";
import { echoAtOnce, firstByte, roundTrips, throughput } from "./support/ssh-clients.ts";
import { measureServices, measureStalled } from "./support/ssh-services.ts";
import { bulkBeside, startTargetProcess } from "./support/ssh-target.ts";
import { median, printTable, verdict } from "./support/stats.ts";

const rounds = Number(process.env["ROUNDS"] ?? 5);
const bulkSeconds = Number(process.env["BULK_SECONDS"] ?? 2);
const cipher = "aes128-gcm@openssh.com";
const chosen = process.argv.slice(2);
const wants = (scenario: string): boolean => chosen.length === 0 || chosen.includes(scenario);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const names = ["native", "javascript", "openssh"] as const;
type Name = (typeof names)[number];
interface Forward {
  readonly child: ChildProcess;
  /** The second one is by a connection of its own, where there is one. */
  readonly ports: readonly number[];
}

async function ours(servers: readonly Sshd[], targetPort: number, javascript: boolean): Promise<Forward> {
  const connections = servers.map((server) => ({
    host: "127.0.0.1",
    port: server.port,
    user: server.user,
    key_file: server.keyFile,
    known_hosts_file: server.knownHostsFile,
    remote_host: "127.0.0.1",
  }));
  const entry = join(import.meta.dirname, "ssh-entry.ts");
  const settings = JSON.stringify({ connections, targetPort, javascript });
  const flags = process.env["NODE_FLAGS"]?.split(" ") ?? daemonFlags;
  const child = spawn(process.execPath, [...flags, entry, settings], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { ports, crypto } = JSON.parse(String(line)) as { ports: number[]; crypto: string };
  if (crypto !== (javascript ? "javascript" : "native")) console.log(`asked for another crypto, but ${crypto} runs`);
  return { child, ports };
}

async function openssh(server: Sshd, targetPort: number): Promise<Forward> {
  const port = await freePort();
  const options = [`UserKnownHostsFile=${server.knownHostsFile}`, "IdentitiesOnly=yes", `Ciphers=${cipher}`];
  const child = spawn(
    "ssh",
    [
      ...["-F", "none", "-N", "-T", "-i", server.keyFile, "-p", String(server.port), "-l", server.user],
      ...options.flatMap((option) => ["-o", option]),
      ...["-L", `127.0.0.1:${port}:127.0.0.1:${targetPort}`, "127.0.0.1"],
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  await listening(port);
  return { child, ports: [port] };
}

const start = (name: Name, servers: readonly Sshd[], targetPort: number): Promise<Forward> =>
  name === "openssh" ? openssh(servers[0] as Sshd, targetPort) : ours(servers, targetPort, name === "javascript");

const figures = new Map<string, number[]>();
const note = (name: string, what: string, value: number): void => {
  const key = `${name} ${what}`;
  figures.set(key, [...(figures.get(key) ?? []), value]);
};
const figure = (name: string, what: string): number => median(figures.get(`${name} ${what}`) ?? []);

const rows: (string | number)[][] = [];
/** A figure with its ratios to OpenSSH, and whether the wanted ones are kept. */
function report(
  title: string,
  what: string,
  wanted: Partial<Record<Name, (ratio: number, value: number) => boolean>>,
  text: string,
): void {
  const ratio = (name: Name): number => figure(name, what) / figure("openssh", what);
  const verdicts = names.flatMap((name) => {
    const keeps = wanted[name];
    return keeps ? [verdict(keeps(ratio(name), figure(name, what)))] : [];
  });
  const values = names.map((name) => figure(name, what));
  rows.push([title, ...values, ratio("native"), ratio("javascript"), text, verdicts.join(", ")]);
}

const settings = [`Ciphers ${cipher}`, "MaxStartups 100", "MaxSessions 100"];
await using sshd = await startSshd(settings);
await using second = await startSshd(settings);

async function withForwards(
  targetPort: number,
  run: (each: readonly [Name, Forward][]) => Promise<void>,
): Promise<void> {
  const each: [Name, Forward][] = [];
  try {
    for (const name of names) each.push([name, await start(name, [sshd, second], targetPort)]);
    await run(each);
  } finally {
    for (const [, { child }] of each) await end(child, "SIGKILL");
  }
}

if (wants("throughput")) {
  const iperfPort = await freePort();
  const iperf = spawn("iperf3", ["-s", "-p", String(iperfPort)], { stdio: "ignore" });
  await pause(300);
  try {
    await withForwards(iperfPort, async (each) => {
      for (let round = 0; round < rounds; round++) {
        for (const [name, { ports }] of each) {
          note(name, "down", await throughput(ports[0] as number, bulkSeconds, "down"));
          note(name, "up", await throughput(ports[0] as number, bulkSeconds, "up"));
        }
      }
    });
  } finally {
    await end(iperf, "SIGKILL");
  }
  const wanted = { native: (ratio: number) => ratio >= 0.8, javascript: (ratio: number) => ratio >= 0.5 };
  report("throughput down, MB/s", "down", wanted, "≥ 0.8 ×, javascript ≥ 0.5 ×");
  report("throughput up, MB/s", "up", wanted, "≥ 0.8 ×, javascript ≥ 0.5 ×");
}

if (wants("mixed")) {
  const bulkMs = bulkSeconds * 1000;
  await using target = await startTargetProcess();
  await withForwards(target.port, async (each) => {
    for (let round = 0; round < rounds; round++) {
      for (const direction of ["down", "up"] as const) {
        for (const [name, { ports }] of each) {
          for (const [what, port] of [
            ["other", ports[1]],
            ["same", ports[0]],
          ] as const) {
            if (port === undefined) continue;
            const bulk = bulkBeside(ports[0] as number, direction, bulkMs);
            await pause(300);
            note(name, `${what} ${direction}`, (await roundTrips(port, { whileMs: bulkMs - 600, everyMs: 3 })).p99);
            note(name, `bulk ${direction}`, await bulk);
          }
        }
      }
    }
  });
  const keeps = (_: number, value: number): boolean => value < 12;
  for (const direction of ["down", "up"]) {
    const wanted = { native: keeps, javascript: keeps };
    report(
      `p99 of a byte beside bulk ${direction}, another SSH connection, ms`,
      `other ${direction}`,
      wanted,
      "< 12 ms",
    );
    report(
      `p99 of a byte beside bulk ${direction}, the same SSH connection, ms`,
      `same ${direction}`,
      wanted,
      "< 12 ms",
    );
    report(`the bulk ${direction} meanwhile, MB/s`, `bulk ${direction}`, {}, "");
  }
}

if (wants("latency")) {
  await using echo = await startTargetProcess();
  await withForwards(echo.port, async (each) => {
    for (const [name, { ports }] of each) note(name, "cold", await firstByte(ports[0] as number, 200));
    // What runs the code of a daemon compiles what was called some thousand times.
    for (const [, { ports }] of each) await firstByte(ports[0] as number, 1000);
    for (let round = 0; round < rounds; round++) {
      for (const [name, { ports }] of each) {
        const { p50, worst } = await roundTrips(ports[0] as number, { count: 1000 });
        note(name, "byte", p50 * 1000);
        note(name, "worst", worst);
        note(name, "first", await firstByte(ports[0] as number, 200));
      }
    }
  });
  const atMost = { native: (ratio: number) => ratio <= 1.2 };
  report("round trip of a byte, µs", "byte", atMost, "≤ 1.2 ×");
  report(
    "the slowest of 1,000, ms",
    "worst",
    { native: (_, value) => value <= 5, javascript: (_, value) => value <= 5 },
    "≤ 5 ms",
  );
  report("first byte of a new channel, µs", "first", atMost, "≤ 1.2 ×");
  report("that of the first 200 after the start, µs", "cold", {}, "");
}

if (wants("channels")) {
  await using echo = await startTargetProcess();
  await withForwards(echo.port, async (each) => {
    for (const [name, { ports, child }] of each) {
      const { seconds, broken } = await echoAtOnce(ports[0] as number, 100, 1_000_000);
      note(name, "channels", seconds);
      note(name, "broken", broken);
      note(name, "rss", memoryOfTree(child.pid ?? 0).privateKb / 1024);
    }
  });
  report("100 channels of 1 MB each way at once, s", "channels", {}, "");
  report("of them broken", "broken", { native: (_, value) => value === 0, javascript: (_, value) => value === 0 }, "0");
  report("private memory after them, MB", "rss", {}, "");
}

if (rows.length > 0) {
  printTable(
    `ssh over loopback, ${cipher}, medians of ${rounds}`,
    ["", ...names, "native/openssh", "javascript/openssh", "wanted", ""],
    rows,
  );
}
if (wants("services")) await measureServices(sshd);
if (wants("stalled")) await measureStalled(sshd);
