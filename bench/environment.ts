/**
 * A hundred services on the testbed (60 Kubernetes, 30 SSH, 10 of this machine), checks every 10 s: how soon all are
 * verified, what the daemon costs at rest, and its memory over one with a single service. Then 100 and 500 services over
 * simulated targets, and a day of check traffic in two minutes: memory, descriptors and the store must not grow.
 * `npm run bench -- environment testbed|simulated|day` measures only that.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { environmentYaml, haveTestbed, makeClusterServices } from "./support/many-services.ts";
import { callOnce, daemonPid, makeHome, node, type Home } from "./support/portwright.ts";
import { end, memoryOf, memoryOfTree } from "./support/process.ts";
import { printTable, verdict } from "./support/stats.ts";

const idleS = Number(process.env["IDLE_S"] ?? 30);
const settleMs = Number(process.env["SETTLE_MS"] ?? 8000);
const dayRealMs = Number(process.env["DAY_MS"] ?? 120_000);
const dayMs = 86_400_000;
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const chosen = process.argv.slice(2);
const wants = (name: string): boolean => chosen.length === 0 || chosen.includes(name);

const rows: (readonly (string | number)[])[] = [];
/** A figure with its limit. */
function figure(what: string, value: number, unit: string, wanted?: number): void {
  const limit = wanted === undefined ? ["", ""] : [`≤ ${wanted} ${unit}`, verdict(value <= wanted)];
  rows.push([what, value, unit, ...limit]);
}

/** Processor time that a process used so far, in seconds (clock ticks of 10 ms). */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Percent of one core over the next while. */
async function idleCpu(pid: number): Promise<number> {
  const before = cpuSeconds(pid);
  const startedMs = performance.now();
  await pause(idleS * 1000);
  return ((cpuSeconds(pid) - before) / (performance.now() - startedMs)) * 100_000;
}

interface Measured {
  readonly readyMs: number;
  readonly cpu: number;
  readonly rssMb: number;
}

/** A daemon that runs before the clock starts, then everything in one call. */
async function measureDaemon(home: Home): Promise<Measured> {
  const first = await callOnce(home, "get_status");
  try {
    const { shim, answer, ms } = await callOnce(home, "start_environment");
    try {
      if (answer.state !== "ready") console.log(`  not all are ready: ${answer.summary}`);
      await pause(settleMs);
      const pid = daemonPid(home);
      const cpu = await idleCpu(pid);
      return { readyMs: answer.state === "ready" ? ms : Number.NaN, cpu, rssMb: memoryOfTree(pid).rssKb / 1024 };
    } finally {
      await end(shim);
    }
  } finally {
    await end(first.shim);
    home.run("daemon", "stop");
  }
}

if (wants("testbed") && haveTestbed) {
  using _cluster = makeClusterServices(60);
  using one = makeHome(environmentYaml({ kubernetes: 1, ssh: 0, local: 0 }));
  const alone = await measureDaemon(one);
  using hundred = makeHome(environmentYaml({ kubernetes: 60, ssh: 30, local: 10 }));
  const all = await measureDaemon(hundred);
  figure("100 on the testbed: all verified after start_environment", all.readyMs, "ms", 5000);
  figure("100 on the testbed: idle CPU, of one core", all.cpu, "%", 2);
  figure("one on the testbed: idle CPU", alone.cpu, "%");
  figure("one on the testbed: RSS", alone.rssMb, "MB");
  figure("100 on the testbed: RSS over that", all.rssMb - alone.rssMb, "MB", 25);
} else if (wants("testbed")) {
  console.log('the testbed is left out: eval "$(../shared/testbed/testbed env)"');
}

/** A target for all: it answers PING. In this process, so that it costs the other one nothing. */
const folder = mkdtempSync(join(tmpdir(), "pw-bench-"));
const socket = join(folder, "target");
const target = createServer((stream) => {
  stream.on("error", () => undefined).on("data", () => stream.write("+PONG\r\n"));
}).listen(socket);
await once(target, "listening");

interface Told {
  readonly state?: string;
  readonly readyMs?: number;
  readonly checks: number;
  readonly privateKb: number;
  readonly leftOpen?: number;
  readonly storeBytes: number;
  readonly ready: number;
}

function simulate(services: number, scale: number, runMs: number): { child: ChildProcess; lines: AsyncIterator<Told> } {
  const script = resolve(import.meta.dirname, "support/simulated-daemon-entry.ts");
  const argument = JSON.stringify({ socket, services, scale, runMs });
  const child = spawn(node, ["--max-semi-space-size=1", "--expose-gc", script, argument], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const read = async function* (): AsyncGenerator<Told> {
    for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line) as Told;
  };
  return { child, lines: read() };
}

async function measureSimulated(services: number): Promise<Measured> {
  const { child, lines } = simulate(services, 1, 0);
  try {
    const { value } = (await lines.next()) as { value: Told };
    await pause(settleMs);
    const pid = child.pid ?? 0;
    const cpu = await idleCpu(pid);
    return {
      readyMs: value.state === "ready" ? (value.readyMs ?? 0) : Number.NaN,
      cpu,
      rssMb: memoryOf(pid).rssKb / 1024,
    };
  } finally {
    await end(child);
  }
}

if (wants("simulated")) {
  const alone = await measureSimulated(1);
  for (const [services, share] of [
    [100, 1],
    [500, 5],
  ] as const) {
    const many = await measureSimulated(services);
    figure(`${services} simulated: all verified`, many.readyMs, "ms", 5000 * share);
    figure(`${services} simulated: idle CPU, of one core`, many.cpu, "%", 2 * share);
    figure(`${services} simulated: RSS over one`, many.rssMb - alone.rssMb, "MB", 25 * share);
  }
}

if (wants("day")) {
  const services = 20;
  const { child, lines } = simulate(services, dayMs / dayRealMs, dayRealMs);
  const told: Told[] = [];
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    told.push(next.value);
    if (next.value.leftOpen !== undefined) break;
  }
  await end(child);
  // The first fifth fills caches and rings.
  const [early, last, stopped] = [told[2], told[10], told[11]];
  if (early && last && stopped) {
    figure(`24 h of ${services} services in ${dayRealMs / 1000} s: checks made`, last.checks, "");
    figure("  ready at its end", last.ready, `of ${services}`);
    figure("  private memory, from 20 % to 100 %", (last.privateKb - early.privateKb) / 1024, "MB more", 3);
    figure("  descriptors that are left when all is stopped", stopped.leftOpen ?? Number.NaN, "", 2);
    figure("  store, at its end", last.storeBytes / 1024 ** 2, "MB");
    figure("  store, from 20 % to 100 %", (last.storeBytes - early.storeBytes) / 1024 ** 2, "MB more", 8);
  }
}

target.close();
rmSync(folder, { recursive: true, force: true });
printTable(
  `an environment of many services, Node ${process.versions.node}`,
  ["what", "figure", "", "wanted", ""],
  rows,
);
process.exit(process.exitCode ?? 0);
