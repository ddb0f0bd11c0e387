/**
 * What a forward lives through, on the testbed's cluster: a rollout and a scale to zero and back under a client that
 * connects every 20 ms, an API server that is away for 20 s, one whose connections die without a word, and a process that
 * is stopped for 60 s while its connections die. `kubectl port-forward` beside it, behind the same relay. About 3 minutes.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { loadavg } from "node:os";
import { relayedCluster } from "../tests/support/relayed-cluster.ts";
import { steadyClient, type SteadyOutcome } from "../tests/support/steady-client.ts";
import { freePort, listening } from "./support/free-port.ts";
import { daemonPid, makeHome, node } from "./support/portwright.ts";
import { end, mainJs } from "./support/process.ts";
import { median, printTable, verdict } from "./support/stats.ts";

const { TESTBED_KUBECONFIG, TESTBED_KUBECTL } = process.env;
if (TESTBED_KUBECONFIG === undefined) {
  console.log('survival: needs the testbed: eval "$(../shared/testbed/testbed env)"');
  process.exit(2);
}
const rounds = Number(process.env["ROUNDS"] ?? 2);
const stoppedMs = Number(process.env["STOPPED_S"] ?? 60) * 1000;
const awayMs = 20_000;
const limitMs = 15_000;
const namespace = `pw-survival-${process.pid}`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const [program = "kubectl", ...leading] = TESTBED_KUBECTL?.split(" ") ?? [];
const kubectl = (...args: string[]): string => execFileSync(program, [...leading, ...args], { encoding: "utf8" });
/** The relay lives in this process: while it is used nothing may block. */
const kubectlSoon = (...args: string[]): Promise<unknown> => once(spawn(program, [...leading, ...args]), "exit");

using home = makeHome();
const { relay, file } = await relayedCluster(TESTBED_KUBECONFIG, home.cwd);

/** Whether a connection gets an answer within its patience. */
async function answers(port: number, patienceMs = 1000): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  try {
    socket.write("GET /healthz HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
    await once(socket, "data", { signal: AbortSignal.timeout(patienceMs) });
    return true;
  } catch {
    return false;
  } finally {
    // None is left standing still, whatever went wrong.
    for (const one of stopped) {
      try {
        process.kill(one, "SIGCONT");
      } catch {
        // It has ended.
      }
    }
    socket.destroy();
  }
}

/** Milliseconds until a connection is answered; NaN when none is within the limit. */
async function untilAnswered(port: number): Promise<number> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < limitMs) {
    if (await answers(port)) return performance.now() - startedMs;
    await pause(50);
  }
  return Number.NaN;
}

/** kubectl's forward, begun anew where it has ended. */
class Peer {
  port = 0;
  child: ChildProcess | undefined;

  async alive(): Promise<void> {
    if (this.child !== undefined && this.child.exitCode === null && (await answers(this.port))) return;
    if (this.child !== undefined) await end(this.child, "SIGKILL");
    this.port = await freePort();
    const forward = ["port-forward", "-n", namespace, "service/web", `${this.port}:80`];
    this.child = spawn(program, [...leading, "--kubeconfig", file, ...forward], { stdio: "ignore" });
    await listening(this.port);
  }
}

const figures = new Map<string, { ours: number[]; kubectl: number[] }>();
function note(name: string, ours: number, peer: number): void {
  const known = figures.get(name) ?? { ours: [], kubectl: [] };
  figures.set(name, known);
  known.ours.push(ours);
  known.kubectl.push(peer);
}

const podSpec = {
  terminationGracePeriodSeconds: 3,
  containers: [
    {
      name: "web",
      image: "registry.k8s.io/e2e-test-images/agnhost:2.53",
      imagePullPolicy: "IfNotPresent",
      args: ["netexec", "--http-port=8080", "--udp-port=8081", "--delay-shutdown=2"],
      ports: [{ name: "http", containerPort: 8080 }],
      readinessProbe: { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 1 },
    },
  ],
};
const objects = [
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: podSpec },
    },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web" },
    spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: "http" }] },
  },
];

const peer = new Peer();
const stopped: number[] = [];
let steady: { readonly ours: SteadyOutcome; readonly kubectl: SteadyOutcome } | undefined;
try {
  kubectl("create", "namespace", namespace);
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  execFileSync(program, [...leading, "apply", "-n", namespace, "-f", "-"], {
    input: list,
    stdio: ["pipe", "ignore", "inherit"],
  });
  kubectl("rollout", "status", "-n", namespace, "deployment/web", "--timeout=90s");
  const port = await freePort();
  const yaml = `version: "1.0"
services:
  - name: web
    technology: kubernetes
    local_port: ${port}
    remote_port: 80
    connection: {namespace: ${namespace}, resource_name: web}
    waiting_room: {connections: 2000}
    health_check: {type: http, interval: 30s, config: {path: /healthz}}
`;
  writeFileSync(`${home.cwd}/portwright.yaml`, yaml);
  Object.assign(home.env, { KUBECONFIG: file });
  const up = spawn(node, [mainJs, "up"], { env: home.env, cwd: home.cwd, stdio: "ignore" });
  await once(up, "exit");
  const pid = daemonPid(home);

  await peer.alive();
  const pace = { everyMs: 20, forMs: 30_000, patienceMs: 40_000 };
  const clients = Promise.all([steadyClient(port, pace), steadyClient(peer.port, pace)]);
  await pause(1000);
  await kubectlSoon("rollout", "restart", "-n", namespace, "deployment/web");
  await kubectlSoon("rollout", "status", "-n", namespace, "deployment/web", "--timeout=60s");
  await kubectlSoon("scale", "-n", namespace, "deployment/web", "--replicas=0");
  await pause(3000);
  await kubectlSoon("scale", "-n", namespace, "deployment/web", "--replicas=2");
  const [ours, theirs] = await clients;
  steady = { ours, kubectl: theirs };
  await kubectlSoon("rollout", "status", "-n", namespace, "deployment/web", "--timeout=90s");

  for (let round = 0; round < rounds; round++) {
    await peer.alive();
    await untilAnswered(port);
    await relay.cut();
    await pause(awayMs);
    await relay.open();
    note("API server away for 20 s: answered again after its return, ms", ...(await both(port)));

    await peer.alive();
    await untilAnswered(port);
    relay.freeze();
    note("its connections die without a word: answered again, ms", ...(await both(port)));
  }

  await peer.alive();
  stopped.push(pid, peer.child?.pid ?? pid);
  for (const one of stopped) process.kill(one, "SIGSTOP");
  relay.freeze();
  await pause(stoppedMs);
  for (const one of stopped) process.kill(one, "SIGCONT");
  note(`process stopped for ${stoppedMs / 1000} s, its connections died: answered again, ms`, ...(await both(port)));
} finally {
  if (peer.child !== undefined) await end(peer.child, "SIGKILL");
  try {
    home.run("daemon", "stop");
  } catch {
    // It never ran.
  }
  await relay[Symbol.asyncDispose]();
  kubectl("delete", "namespace", namespace, "--wait=false");
}

function both(port: number): Promise<[number, number]> {
  return Promise.all([untilAnswered(port), untilAnswered(peer.port)]);
}

const rows = [...figures].map(([name, { ours, kubectl: peers }]) => {
  const worst = Math.max(...ours.map((ms) => (Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms)));
  const never = peers.filter((ms) => Number.isNaN(ms)).length;
  const theirs = never === peers.length ? `never within ${limitMs / 1000} s` : median(peers);
  return [name, median(ours), worst, theirs, `≤ 5000: ${verdict(worst <= 5000)}`];
});
const lost = (outcome: SteadyOutcome | undefined): string =>
  outcome === undefined
    ? "-"
    : `${outcome.failures.length} of ${outcome.asked} (slowest answer ${(outcome.slowestMs / 1000).toFixed(1)} s)`;
printTable(
  `survival, ${rounds} rounds, load ${loadavg()[0]?.toFixed(1)}`,
  ["what", "ours", "worst", "kubectl", "wanted"],
  [
    [
      "rollout, then 2 → 0 → 2, a connection every 20 ms for 30 s: not answered",
      lost(steady?.ours),
      "",
      lost(steady?.kubectl),
      `0: ${verdict(steady?.ours.failures.length === 0)}`,
    ],
    ...rows,
  ],
);
for (const failure of steady?.ours.failures.slice(0, 5) ?? []) console.log(`  ours: ${failure}`);
