/**
 * Our relay beside HAProxy (one thread) and socat, each as its own process in front of the same target: throughput
 * (iperf3), processor time per gigabyte, added latency of one byte there and back, private memory (RssAnon) per idle
 * connection and its growth after 1 GB. Interleaved in one run; medians. Needs haproxy, socat and iperf3.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, listening } from "./support/free-port.ts";
import { end, memoryOfTree } from "./support/process.ts";
import { median, printTable } from "./support/stats.ts";

const rounds = Number(process.env["ROUNDS"] ?? 5);
const bulkSeconds = Number(process.env["BULK_SECONDS"] ?? 2);
const roundTrips = 2000;
const idleConnections = 500;
const gigabyte = 1e9;

const run = promisify(execFile);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Name = "portwright" | "haproxy" | "socat";
interface Relay {
  readonly port: number;
  readonly child: ChildProcess;
}

const folder = mkdtempSync(join(tmpdir(), "pw-bench-relay-"));

const start: Readonly<Record<Name, (target: number) => Promise<Relay>>> = {
  async portwright(target) {
    const entry = join(import.meta.dirname, "relay-entry.ts");
    const child = spawn(process.execPath, ["--max-semi-space-size=1", entry, String(target)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    return { port: Number(line.toString()), child };
  },
  async haproxy(target) {
    const port = await freePort();
    const file = join(folder, `haproxy-${port}.cfg`);
    const lines = [
      "global",
      "  nbthread 1",
      "  maxconn 4000",
      "defaults",
      "  mode tcp",
      "  timeout connect 2s",
      "  timeout client 10m",
      "  timeout server 10m",
      `listen relay`,
      `  bind 127.0.0.1:${port}`,
      `  server target 127.0.0.1:${target}`,
    ];
    writeFileSync(file, `${lines.join("\n")}\n`);
    const child = spawn("haproxy", ["-db", "-f", file], { stdio: "ignore" });
    await listening(port);
    return { port, child };
  },
  async socat(target) {
    const port = await freePort();
    const from = `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=512`;
    const child = spawn("socat", ["-b", "65536", from, `TCP:127.0.0.1:${target},nodelay`], { stdio: "ignore" });
    await listening(port);
    return { port, child };
  },
};
const names = Object.keys(start) as Name[];

/** Processor seconds of a process and of its children that ended (proc(5): utime, stime, cutime, cstime). */
function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
}

async function bulk(
  port: number,
  amount: readonly string[],
): Promise<{ readonly gigabits: number; readonly bytes: number }> {
  const { stdout } = await run("iperf3", ["-c", "127.0.0.1", "-p", String(port), "-J", ...amount], { maxBuffer: 1e8 });
  const { sum_received } = (JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number; bytes: number } } })
    .end;
  return { gigabits: sum_received.bits_per_second / 1e9, bytes: sum_received.bytes };
}

/** Microseconds of one byte there and back, the median of many, one after the other. */
async function latency(port: number): Promise<number> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const samples: number[] = [];
  await new Promise<void>((resolve) => {
    let sentMs = 0;
    const ask = (): void => {
      sentMs = performance.now();
      socket.write("x");
    };
    socket.on("data", () => {
      samples.push((performance.now() - sentMs) * 1000);
      if (samples.length < roundTrips) ask();
      else resolve();
    });
    ask();
  });
  socket.destroy();
  // The first ones warm up.
  return median(samples.slice(roundTrips / 10));
}

/** kB per connection that has carried a byte each way and rests. */
async function idle({ port, child }: Relay): Promise<number> {
  const beforeKb = memoryOfTree(child.pid ?? 0).privateKb;
  const sockets: Socket[] = [];
  for (let index = 0; index < idleConnections; index++) {
    const socket = connect({ port, host: "127.0.0.1" }).on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
    socket.write("x");
    await once(socket, "data");
  }
  await pause(1000);
  const kb = (memoryOfTree(child.pid ?? 0).privateKb - beforeKb) / idleConnections;
  for (const socket of sockets) socket.destroy();
  await pause(300);
  return kb;
}

function echo(): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => void socket.on("error", () => undefined).pipe(socket));
  return new Promise((resolve) => server.listen(0, "127.0.0.1", 1024, () => resolve(server)));
}

const figures = new Map<string, number[]>();
const note = (name: Name | "direct", what: string, value: number): void => {
  const key = `${name} ${what}`;
  figures.set(key, [...(figures.get(key) ?? []), value]);
};
const figure = (name: Name | "direct", what: string): number => median(figures.get(`${name} ${what}`) ?? []);

const iperfPort = await freePort();
const iperf = spawn("iperf3", ["-s", "-p", String(iperfPort)], { stdio: "ignore" });
await pause(300);
const echoServer = await echo();
const echoPort = (echoServer.address() as AddressInfo).port;
try {
  const inFrontOf = async (port: number): Promise<[Name, Relay][]> =>
    Promise.all(names.map(async (name) => [name, await start[name](port)] as [Name, Relay]));

  const bulkRelays = await inFrontOf(iperfPort);
  for (let round = 0; round < rounds; round++) {
    note("direct", "bulk", (await bulk(iperfPort, ["-t", String(bulkSeconds)])).gigabits);
    for (const [name, { port, child }] of bulkRelays) {
      const beforeS = processorSeconds(child.pid ?? 0);
      const { gigabits, bytes } = await bulk(port, ["-t", String(bulkSeconds)]);
      await pause(100);
      note(name, "bulk", gigabits);
      note(name, "cpu", (processorSeconds(child.pid ?? 0) - beforeS) / (bytes / gigabyte));
    }
  }
  for (const [, { child }] of bulkRelays) await end(child, "SIGKILL");

  const growing = await inFrontOf(iperfPort);
  for (const [name, { port, child }] of growing) {
    await pause(500);
    const beforeKb = memoryOfTree(child.pid ?? 0).privateKb;
    await bulk(port, ["-n", String(gigabyte)]);
    await pause(1000);
    note(name, "growth", (memoryOfTree(child.pid ?? 0).privateKb - beforeKb) / 1024);
    await end(child, "SIGKILL");
  }

  const echoRelays = await inFrontOf(echoPort);
  for (let round = 0; round < rounds; round++) {
    const directUs = await latency(echoPort);
    note("direct", "latency", directUs);
    for (const [name, { port }] of echoRelays) note(name, "latency", (await latency(port)) - directUs);
  }
  for (const [name, relay] of echoRelays) {
    note(name, "idle", await idle(relay));
    await end(relay.child, "SIGKILL");
  }
} finally {
  await end(iperf, "SIGKILL");
  echoServer.close();
  rmSync(folder, { recursive: true, force: true });
}

const row = (title: string, what: string, target: string): (string | number)[] => [
  title,
  ...names.map((name) => figure(name, what)),
  figure("portwright", what) / figure("haproxy", what),
  figure("portwright", what) / figure("socat", what),
  target,
];
printTable(
  `relay, medians of ${rounds} (direct: ${figure("direct", "bulk").toFixed(1)} Gbit/s, ${figure("direct", "latency").toFixed(0)} µs)`,
  ["", ...names, "/ haproxy", "/ socat", "target"],
  [
    row("throughput, Gbit/s", "bulk", "≥ 0.9 × haproxy"),
    row("processor, s per GB", "cpu", ""),
    row("added latency, µs", "latency", "≤ 1.2 × haproxy"),
    row("idle connection, kB", "idle", "≤ 30 kB"),
    row("growth after 1 GB, MB", "growth", "≤ 40 MB"),
  ],
);
