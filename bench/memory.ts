/**
 * Memory of the daemon with SQLite and one MCP session, of a shim, of 100 defined idle services, and of 10 idle forwards
 * (5 over SSH, 5 over Kubernetes), beside bare Node of the same version, LocalPort's daemon with the same services, and
 * one `kubectl port-forward` per forward; all interleaved. Private is RssAnon of /proc/PID/status. Ours is started as a
 * user's is: by a client, through the shim, with its own settings; what the daemon does at rest is part of it (one
 * collection, 3 s after its client came). `npm run bench -- memory idle shim` measures only those.
 */
import { spawn, type ChildProcess } from "node:child_process";
import {
  configuration,
  haveTestbed,
  kubectlForward,
  kubernetesService,
  makeClusterService,
  sshService,
} from "./support/forward-services.ts";
import { installLocalport, measureLocalport } from "./support/localport.ts";
import { callOnce, daemonPid, makeHome, node } from "./support/portwright.ts";
import { end, memoryOf, memoryOfTree, type TreeMemory } from "./support/process.ts";
import { median, printTable, verdict } from "./support/stats.ts";

const rounds = Number(process.env["ROUNDS"] ?? 5);
/** Everything is measured this long after its last work. */
const settleMs = Number(process.env["SETTLE_MS"] ?? 5000);
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, settleMs));

const samples = new Map<string, TreeMemory[]>();
const note = (name: string, memory: TreeMemory): void => void samples.set(name, [...(samples.get(name) ?? []), memory]);
const chosen = process.argv.slice(2);
const wants = (name: string): boolean => chosen.length === 0 || chosen.includes(name);

/** One daemon with one client that called `tool` once, at rest. */
async function measure(name: string, yaml: string, tool: string, state?: string): Promise<void> {
  using home = makeHome(yaml);
  const { shim, answer } = await callOnce(home, tool);
  try {
    if (state !== undefined && answer.state !== state) throw new Error(`${name}: ${JSON.stringify(answer)}`);
    await settle();
    note(name, memoryOfTree(daemonPid(home)));
    // Alone: the daemon that it started is its child.
    note(`shim of ${name}`, { ...memoryOf(shim.pid ?? 0), processes: 1 });
  } finally {
    await end(shim);
    home.run("daemon", "stop");
  }
}

async function measureChildren(name: string, children: readonly ChildProcess[]): Promise<void> {
  await settle();
  const memories = children.map((child) => memoryOfTree(child.pid ?? 0));
  const sum = (key: keyof TreeMemory): number => memories.reduce((total, memory) => total + memory[key], 0);
  note(name, { privateKb: sum("privateKb"), rssKb: sum("rssKb"), processes: sum("processes") });
  await Promise.all(children.map((child) => end(child)));
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const hundred = configuration(numbers(100).map((n) => sshService({ name: `idle${n}`, ours: true })));
const five = numbers(5);
const ten = configuration([
  ...five.map((n) => sshService({ name: `ssh${n}`, ours: true })),
  ...five.map((n) => kubernetesService({ name: `kube${n}`, ours: true })),
]);
const firstPort = 42_310;
const tenForLocalport = configuration([
  ...five.map((n) => sshService({ name: `ssh${n}`, localPort: firstPort + n, ours: false })),
  ...five.map((n) => kubernetesService({ name: `kube${n}`, localPort: firstPort + 5 + n, ours: false })),
]);
const tenPorts = numbers(10).map((n) => firstPort + n);

const noLocalport = haveTestbed && wants("localport") ? installLocalport() : "not asked for";
if (!haveTestbed)
  console.log("the 10 forwards are left out: the testbed is not there (TB_SSH_CLIENT_DIR, TESTBED_KUBECONFIG)");
else if (noLocalport !== undefined) console.log(`LocalPort is left out: ${noLocalport}`);

{
  using _cluster = haveTestbed && ["ten", "kubectl", "localport"].some(wants) ? makeClusterService() : undefined;
  for (let round = 0; round < rounds; round++) {
    await measureChildren("bare", [spawn(node, ["-e", "setTimeout(() => {}, 1e6)"], { stdio: "ignore" })]);
    if (wants("idle") || wants("shim")) {
      await measure("idle", configuration([sshService({ name: "one", ours: true })]), "get_status", "idle");
    }
    if (wants("hundred")) await measure("hundred", hundred, "get_status", "idle");
    if (!haveTestbed) continue;
    if (wants("ten")) await measure("ten", ten, "start_environment", "ready");
    if (wants("kubectl")) await measureChildren("kubectl", numbers(10).map(kubectlForward));
    if (noLocalport !== undefined) continue;
    try {
      note("localport", await measureLocalport(tenForLocalport, tenPorts, settleMs));
    } catch (error) {
      // It gives a kubectl two seconds to stand, and starts one that did not only at a later look of its own.
      console.log(`  round ${round + 1} of LocalPort is left out: ${String(error)}`);
    }
  }
}

const of = (name: string, key: keyof TreeMemory): number => median((samples.get(name) ?? []).map((one) => one[key]));
const mb = (name: string, key: "privateKb" | "rssKb"): number => of(name, key) / 1024;
const bare = { private: mb("bare", "privateKb"), rss: mb("bare", "rssKb") };

function row(what: string, name: string, limits: { readonly private?: number; readonly overBare?: number } = {}) {
  const [own, rss] = [mb(name, "privateKb"), mb(name, "rssKb")];
  const wanted = [
    ...(limits.private === undefined ? [] : [`private ≤ ${limits.private.toFixed(1)}`]),
    ...(limits.overBare === undefined ? [] : [`RSS ≤ bare + ${limits.overBare}`]),
  ];
  const reached = own <= (limits.private ?? Infinity) && rss - bare.rss <= (limits.overBare ?? Infinity);
  const cells = [of(name, "processes"), own, rss, own / bare.private, rss - bare.rss];
  return [what, ...cells, wanted.join(", "), wanted.length === 0 || Number.isNaN(own) ? "" : verdict(reached)];
}

printTable(
  `memory, Node ${process.versions.node}, medians of ${rounds} interleaved rounds, ${settleMs / 1000} s after the last work ` +
    `(the daemon's collection at rest, after 3 s, ${settleMs > 3000 ? "is over" : "did not happen yet"}), MB`,
  ["what", "processes", "private", "RSS", "private ÷ bare", "RSS − bare", "wanted", ""],
  [
    row("bare node", "bare"),
    row("daemon, SQLite, one MCP session", "idle", { private: 25, overBare: 30 }),
    row("daemon, 100 defined idle services", "hundred", { private: mb("idle", "privateKb") + 5 }),
    row("shim", "shim of idle", { private: 10 }),
    row("daemon, 10 idle forwards", "ten", { private: 40 }),
    row("10 × kubectl port-forward", "kubectl"),
    row("LocalPort, the same 10 forwards", "localport"),
  ],
);
