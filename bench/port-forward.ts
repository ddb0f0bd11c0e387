/**
 * Our forward beside `kubectl port-forward` of the same version, to the same pod of the testbed's cluster, under the same
 * load, each as a process of its own; interleaved rounds, medians, ratios. `npm run bench -- port-forward [SCENARIO…]`:
 * down, up, rate, latency, path (40 ms of round trip), many (1,000 connections), stalled (a reader that never reads), memory
 * (20 forwards), killed (a pod under 50 transfers), fallback (the other two protocols). Needs iperf3 and the testbed; each takes less than five minutes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "./support/free-port.ts";
import { killPod, kubeconfigThrough, makePod, remotePorts, sinkBytes } from "./support/port-forward/cluster.ts";
import { bulk, Figures, load, staying } from "./support/port-forward/measure.ts";
import {
  forwards,
  processorSeconds,
  startDaemon,
  startKubectl,
  startOurs,
  startTransport,
  type Peer,
} from "./support/port-forward/peers.ts";
import { end, memoryOfTree } from "./support/process.ts";
import { median, printTable, verdict } from "./support/stats.ts";

if (process.env["TESTBED_KUBECONFIG"] === undefined) {
  console.log('port-forward: needs the testbed: eval "$(../shared/testbed/testbed env)"');
  process.exit(2);
}
const rounds = Number(process.env["ROUNDS"] ?? 5);
const seconds = Number(process.env["SECONDS_EACH"] ?? 3);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const privateMb = (pid: number): number => memoryOfTree(pid).privateKb / 1024;

using pod = await makePod();
const figures = new Figures();

type Start = () => Promise<Peer>;
type Wanted = readonly [what: string, figure: string, limit: number, better: "more" | "less"];

/** Both kinds in turn, started again when one has ended (kubectl does, when a client resets). */
async function inTurn(starts: Readonly<Record<string, Start>>, measure: (name: string, peer: Peer) => Promise<void>) {
  const peers = new Map<string, Peer>();
  for (const [name, start] of Object.entries(starts)) peers.set(name, await start());
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [name, start] of Object.entries(starts)) {
        if (!peers.get(name)?.alive()) {
          figures.note(`${name} ended`, 1);
          peers.set(name, await start());
        }
        await measure(name, peers.get(name) as Peer);
      }
    }
  } finally {
    for (const peer of peers.values()) await peer.stop();
  }
}

function report(title: string, wanted: readonly Wanted[], ours = ["ours"]): void {
  const loadNow = loadavg()[0]?.toFixed(1);
  for (const name of ours) {
    printTable(
      `${title}: ${name}, medians of ${rounds} interleaved rounds, load ${loadNow}`,
      ["", name, "kubectl", "ratio", "wanted", ""],
      wanted.map(([what, figure, limit, better]) => {
        const [own, other] = [figures.of(`${name} ${figure}`), figures.of(`kubectl ${figure}`)];
        const ratio = own / other;
        const reached = better === "more" ? ratio >= limit : ratio <= limit;
        const words = Number.isNaN(limit) ? "" : `${better === "more" ? "≥" : "≤"} ${limit} ×`;
        return [what, own, other, ratio, words, words === "" ? "" : verdict(reached)];
      }),
    );
  }
}

const both: Readonly<Record<string, Start>> = { kubectl: () => startKubectl(pod), ours: () => startOurs(pod) };

async function measureBulk(name: string, peer: Peer, figure: string, ...args: string[]): Promise<void> {
  const beforeS = processorSeconds(peer.pid);
  const { gigabits, bytes } = await bulk(peer.ports.iperf, "-t", String(seconds), ...args);
  await pause(200);
  figures.note(`${name} ${figure}`, gigabits);
  // It may not be usable any more.
  if (Number.isNaN(gigabits)) await peer.stop();
  if (peer.alive()) figures.note(`${name} ${figure} cpu`, (processorSeconds(peer.pid) - beforeS) / (bytes / 1e9));
}
// Not by iperf3, whose end of an upload makes kubectl lose its connection to the pod.
async function measureUp(name: string, peer: Peer): Promise<void> {
  const beforeS = processorSeconds(peer.pid);
  const { seconds: took } = await load<{ seconds: number }>("up", peer.ports.sink, sinkBytes);
  figures.note(`${name} up1`, (sinkBytes * 8) / took / 1e9);
  figures.note(`${name} up1 cpu`, (processorSeconds(peer.pid) - beforeS) / (sinkBytes / 1e9));
}
const measureRate = async (name: string, peer: Peer, concurrent: number): Promise<void> => {
  const { perSecond, failed } = await load<{ perSecond: number; failed: number }>(
    "rate",
    peer.ports.http,
    seconds,
    concurrent,
  );
  figures.note(`${name} rate${concurrent}`, perSecond);
  if (failed > 0) console.log(`${name}: ${failed} connections failed`);
};
const measureLatency = async (name: string, peer: Peer, count = 100): Promise<void> => {
  figures.note(`${name} first`, median((await load<{ ms: number[] }>("first", peer.ports.http, count)).ms));
  figures.note(`${name} trip`, median((await load<{ ms: number[] }>("trip", peer.ports.echo, count * 5)).ms));
};

const free = Number.NaN;
const downFigures: readonly Wanted[] = [
  ["down, 1 connection, Gbit/s", "down1", 1, "more"],
  ["down, 8 connections, Gbit/s", "down8", 1.2, "more"],
  ["processor, s per GB, 1", "down1 cpu", free, "less"],
  ["processor, s per GB, 8", "down8 cpu", free, "less"],
];
const upFigures: readonly Wanted[] = [
  ["up, 1 connection, Gbit/s", "up1", 1.1, "more"],
  ["processor, s per GB", "up1 cpu", free, "less"],
];
const rateFigures: readonly Wanted[] = [
  ["connections per second, one after the other", "rate1", 1.6, "more"],
  ["connections per second, 8 at once", "rate8", 1.6, "more"],
];
const latencyFigures: readonly Wanted[] = [
  ["first byte of a new connection, ms", "first", 0.9, "less"],
  ["one byte there and back, ms", "trip", 0.9, "less"],
];

const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  async down() {
    await inTurn(both, async (name, peer) => {
      await measureBulk(name, peer, "down1", "-R");
      if (peer.alive()) await measureBulk(name, peer, "down8", "-R", "-P", "8");
    });
    report("throughput down", downFigures);
  },

  async up() {
    await inTurn(both, measureUp);
    report("throughput up", upFigures);
  },

  async rate() {
    await inTurn(both, async (name, peer) => {
      await measureRate(name, peer, 1);
      await measureRate(name, peer, 8);
    });
    report("new connections", rateFigures);
  },

  async latency() {
    await inTurn(both, (name, peer) => measureLatency(name, peer));
    report("latency", latencyFigures);
  },

  async path() {
    const roundTripMs = 40;
    const folder = mkdtempSync(join(tmpdir(), "pw-bench-path-"));
    const { apiPort } = kubeconfigThrough(1, folder);
    const entry = join(import.meta.dirname, "support/port-forward/delay-entry.ts");
    const relay = spawn(process.execPath, [entry, String(apiPort), String(roundTripMs)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = (await once(relay.stdout, "data")) as [Buffer];
      const { file } = kubeconfigThrough(Number(line.toString()), folder);
      const far = { kubectl: () => startKubectl(pod, file), ours: () => startOurs(pod, file) };
      await inTurn(far, async (name, peer) => {
        await pause(500);
        figures.note(`${name} far`, median((await load<{ ms: number[] }>("first", peer.ports.http, 20)).ms));
      });
      const [own, other] = [figures.of("ours far"), figures.of("kubectl far")];
      printTable(
        `first byte over a path with ${roundTripMs} ms of round trip, medians of ${rounds} interleaved rounds`,
        ["", "ours", "kubectl", "ratio", "wanted", ""],
        [
          ["first byte, ms", own, other, own / other, "", ""],
          [
            "in round trips",
            own / roundTripMs,
            other / roundTripMs,
            own / other,
            "≤ 1.3",
            verdict(own / roundTripMs <= 1.3),
          ],
        ],
      );
    } finally {
      await end(relay);
      rmSync(folder, { recursive: true, force: true });
    }
  },

  async many() {
    const connections = 1000;
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      for (const [name, start] of Object.entries(both)) {
        const peer = await start();
        await load("rate", peer.ports.http, 1, 1);
        await pause(1500);
        const before = privateMb(peer.pid);
        const held = await staying("hold", peer.ports.http, connections);
        await pause(1500);
        figures.note(`${name} served`, Number(held.answer["answered"]));
        figures.note(`${name} ms`, Number(held.answer["ms"]));
        if (peer.alive()) figures.note(`${name} growth`, privateMb(peer.pid) - before);
        await held.stop();
        await peer.stop();
      }
    }
    const row = (what: string, figure: string, wanted: string, reached?: boolean): (string | number)[] => {
      const [own, other] = [figures.of(`ours ${figure}`), figures.of(`kubectl ${figure}`)];
      return [what, own, other, own / other, wanted, reached === undefined ? "" : verdict(reached)];
    };
    printTable(
      `${connections} connections open at once, medians of ${Math.min(rounds, 3)}`,
      ["", "ours", "kubectl", "ratio", "wanted", ""],
      [
        row("answered", "served", "all", figures.of("ours served") === connections),
        row("until all were, ms", "ms", ""),
        row("private memory grew by, MB", "growth", "< 60", figures.of("ours growth") < 60),
      ],
    );
  },

  async stalled() {
    const eight = ["-R", "-P", "8", "-t", String(seconds)];
    const peer = await startOurs(pod);
    try {
      await bulk(peer.ports.iperf, ...eight);
      const alone = async (): Promise<void> => {
        figures.note("alone", (await bulk(peer.ports.iperf, ...eight)).gigabits);
      };
      const beside = async (): Promise<void> => {
        const before = privateMb(peer.pid);
        const stalled = await staying("ignore", peer.ports.zeros);
        await pause(1500);
        figures.note("growth", privateMb(peer.pid) - before);
        figures.note("beside", (await bulk(peer.ports.iperf, ...eight)).gigabits);
        await stalled.stop();
        await pause(300);
      };
      // A stalled client costs no processor time: what differs is what else the machine does, and that drifts.
      for (let round = 0; round < rounds; round++) {
        for (const measure of round % 2 === 0 ? [alone, beside] : [beside, alone]) await measure();
      }
    } finally {
      await peer.stop();
    }
    const kept = figures.of("beside") / figures.of("alone");
    printTable(
      `a client that never reads bytes without end, medians of ${rounds}`,
      ["", "ours", "wanted", ""],
      [
        ["private memory grew by, MB", figures.of("growth"), "< 8", verdict(figures.of("growth") < 8)],
        [
          "eight others, Gbit/s (alone: without it)",
          figures.of("beside"),
          `alone ${figures.of("alone").toFixed(2)}`,
          "",
        ],
        ["of their speed alone", kept, "≥ 0.9", verdict(kept >= 0.9)],
      ],
    );
  },

  async memory() {
    const count = 20;
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      const children: Peer[] = [];
      try {
        for (let at = 0; at < count; at++) children.push(await startKubectl(pod));
        const locals = await freePorts(count);
        const to = locals.map((local) => ({ local, remote: remotePorts.http }));
        const ours = await startDaemon(forwards(pod, to));
        await pause(5000);
        figures.note("ours memory", privateMb(ours.pid));
        figures.note(
          "kubectl memory",
          children.map(({ pid }) => privateMb(pid)).reduce((sum, mb) => sum + mb, 0),
        );
        await ours.stop();
      } finally {
        await Promise.all(children.map((child) => child.stop()));
      }
    }
    report(`${count} forwards`, [["private memory, MB", "memory", 0.15, "less"]]);
  },

  async killed() {
    const transfers = 50;
    const times: number[] = [];
    let resets = 0;
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      using doomed = await makePod();
      const peer = await startOurs(doomed);
      const running = await staying("torn", peer.ports.zeros, transfers);
      const killedMs = killPod(doomed);
      const { endings } = (await running.last()) as { endings: readonly { how: string; atMs: number }[] };
      times.push(Math.max(...endings.map(({ atMs }) => atMs - killedMs)));
      resets += endings.filter(({ how }) => how === "ECONNRESET").length;
      await peer.stop();
    }
    const allReset = resets === transfers * times.length;
    printTable(
      `a pod killed under ${transfers} transfers, medians of ${times.length}`,
      ["", "ours", "wanted", ""],
      [
        ["resets", resets / times.length, "all", verdict(allReset)],
        ["the last one after, ms", median(times), "≤ 1000", verdict(median(times) <= 1000)],
      ],
    );
  },

  async fallback() {
    const all = {
      kubectl: () => startKubectl(pod),
      websocket: () => startTransport(pod, "websocket"),
      spdy: () => startTransport(pod, "spdy"),
      v4: () => startTransport(pod, "v4"),
    };
    await inTurn(all, async (name, peer) => {
      await measureRate(name, peer, 1);
      await measureLatency(name, peer, 40);
      await measureBulk(name, peer, "down1", "-R");
      if (peer.alive()) await measureBulk(name, peer, "down8", "-R", "-P", "8");
      if (peer.alive()) await measureUp(name, peer);
    });
    const kept = [...downFigures, ...upFigures, ...rateFigures.slice(0, 1), ...latencyFigures];
    report("protocols", kept, ["websocket", "spdy", "v4"]);
  },
};

const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => !(name in scenarios));
if (unknown !== undefined) {
  console.log(`there is no scenario ${unknown}; there are: ${Object.keys(scenarios).join(", ")}`);
  process.exitCode = 2;
} else {
  for (const name of chosen.length === 0 ? Object.keys(scenarios) : chosen) await scenarios[name]?.();
}
