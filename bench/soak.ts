/**
 * Random clients over the real engines, and what breaks by itself: `npm run bench -- soak [WAY…]` prints connections, bytes,
 * failures by kind, and what is left over. Ways: websocket, spdy, v4 (the testbed's cluster), ssh2, openssh, remote,
 * openssh-remote, dynamic, openssh-dynamic (an own OpenSSH server); `JAVASCRIPT=1` is ssh2 without its native crypto.
 * `SEEDS=1,2` repeats runs, `SECONDS_EACH`, `CLIENTS`, `BURST`, `ONLY="a kind"`, `DISTURB=0` for nothing that breaks.
 */
import Module from "node:module";
import { loadavg } from "node:os";
import type { TunnelProtocol } from "../src/adapters/kubernetes/wire/tunnel-protocol.ts";
import { type KubernetesSoak, kubernetesSoak } from "../tests/support/soak/kubernetes-way.ts";
import { leftOver, openFiles, soak } from "../tests/support/soak/soak.ts";
import type { SshWayName } from "../tests/support/soak/ssh-way.ts";

const number = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);
const seeds = (process.env["SEEDS"] ?? "1").split(",").map(Number);
const disturbed = process.env["DISTURB"] !== "0";
const clusterWays: readonly string[] = ["websocket", "spdy", "v4"];
const sshWays: readonly string[] = ["ssh2", "openssh", "remote", "openssh-remote", "dynamic", "openssh-dynamic"];
const kubeconfig = process.env["TESTBED_KUBECONFIG"];
const asked = process.argv.slice(2);
const names = asked.length > 0 ? asked : [...(kubeconfig === undefined ? [] : clusterWays), ...sshWays];

if (process.env["JAVASCRIPT"] === "1") {
  // As on a machine where the addon of ssh2 is not built.
  const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
  const load = loader._load;
  loader._load = (request, ...rest) => {
    if (request.endsWith("sshcrypto.node")) throw new Error("not built");
    return load.call(loader, request, ...rest);
  };
}
const { sshWay } = await import("../tests/support/soak/ssh-way.ts");

let cluster: KubernetesSoak | undefined;
let bad = 0;
try {
  for (const name of names) for (const seed of seeds) await run(name, seed);
} finally {
  await cluster?.[Symbol.asyncDispose]();
}
process.exitCode = bad > 0 ? 1 : 0;

async function run(name: string, seed: number): Promise<void> {
  if (clusterWays.includes(name)) cluster ??= await kubernetesSoak(kubeconfig ?? "");
  const atFirst = openFiles();
  const rssBefore = process.memoryUsage().rss;
  {
    await using way = await (clusterWays.includes(name)
      ? (cluster as KubernetesSoak).way(name as TunnelProtocol, disturbed)
      : sshWay(name as SshWayName, disturbed));
    const before = openFiles();
    const result = await soak(way, {
      seed,
      forMs: number("SECONDS_EACH", 30) * 1000,
      clients: number("CLIENTS", 8),
      burst: number("BURST", 100),
      patienceMs: 20_000,
      graceMs: 12_000,
      only: process.env["ONLY"],
      ...(disturbed && { disturbEveryMs: 6000 }),
    });
    const { connections, bytes, failures, excused, byKind, disturbances } = result;
    console.log(
      `${name} seed ${seed}: ${connections} connections, ${(bytes / 1e6).toFixed(0)} MB, ${failures.length} failures, ${excused} broken by ${disturbances.length} disturbances (${disturbances.join("; ")}), load ${loadavg()[0]?.toFixed(1)}`,
    );
    console.log(
      `  ${Object.entries(byKind)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(", ")}`,
    );
    for (const failure of failures.slice(0, 20)) console.log(`  FAILED ${failure}`);
    // Tunnels beyond the spares are kept for half a minute.
    const left = await leftOver(before + 8, clusterWays.includes(name) ? 45_000 : 10_000);
    if (left > 0) console.log(`  LEFT OVER at rest: ${left} open files`);
    if (failures.length > 0 || left > 0) console.log(`  ${JSON.stringify(way.state())}`);
    bad += failures.length + left;
  }
  const left = await leftOver(atFirst + 8, 5000);
  const grownMb = (process.memoryUsage().rss - rssBefore) / 1e6;
  console.log(`  after the end: ${left} open files more than before, memory ${grownMb.toFixed(0)} MB more`);
  bad += left;
}
