/**
 * Memory of the daemon with SQLite and one MCP session, of a shim, of 100 defined idle services, and of 10 idle forwards
 * (5 over SSH, 5 over Kubernetes where the testbed is up), beside bare Node of the same version and one
 * `kubectl port-forward` per forward. Private is RssAnon.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { end, handshakeThen, mainJs, memoryOf, memoryOfTree, timeToAnswer, type Memory } from "./support/process.ts";
import { median, printTable } from "./support/stats.ts";

const rounds = Number(process.env["ROUNDS"] ?? 5);
const node = process.execPath;
const settleMs = 1500;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Measured {
  readonly daemon: Memory;
  readonly shim: Memory;
}

/** One daemon with one client that called `tool` once; measured after it came to rest. */
async function measure(yaml: string, tool: string): Promise<Measured> {
  const home = mkdtempSync(join(tmpdir(), "pw-bench-"));
  const cwd = join(home, "project");
  mkdirSync(cwd);
  writeFileSync(join(cwd, "portwright.yaml"), yaml);
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    PORTWRIGHT_HOME: home,
    KUBECONFIG: process.env["TESTBED_KUBECONFIG"] ?? "",
  };
  const call = { method: "tools/call", params: { name: tool, arguments: {} } };
  const { child } = await timeToAnswer(
    node,
    [mainJs, "mcp"],
    { env, cwd },
    handshakeThen(call),
    (message) => message.id === 2,
  );
  try {
    await pause(settleMs);
    const status = execFileSync(node, [mainJs, "daemon", "status", "--output", "json"], { env, cwd, encoding: "utf8" });
    const { pid } = JSON.parse(status) as { pid: number };
    return { daemon: memoryOf(pid), shim: memoryOf(child.pid ?? 0) };
  } finally {
    await end(child);
    execFileSync(node, [mainJs, "daemon", "stop"], { env, cwd });
    rmSync(home, { recursive: true, force: true });
  }
}

async function bareNode(): Promise<Memory> {
  const child = spawn(node, ["-e", "setTimeout(() => {}, 1e6)"], { stdio: "ignore" });
  await pause(settleMs);
  const memory = memoryOf(child.pid ?? 0);
  await end(child);
  return memory;
}

const { TB_BASTION_PORT, TB_REDIS_PORT, TB_SSH_CLIENT_DIR, TESTBED_KUBECONFIG, TESTBED_KUBECTL } = process.env;
const haveTestbed = TB_SSH_CLIENT_DIR !== undefined && TESTBED_KUBECONFIG !== undefined;
const sshService = (name: string): string => `  - name: ${name}
    technology: ssh
    remote_port: ${TB_REDIS_PORT ?? 6379}
    connection: {host: 127.0.0.1, port: ${TB_BASTION_PORT ?? 22}, user: tbuser, key_file: "${TB_SSH_CLIENT_DIR ?? "/none"}/id_plain", known_hosts_file: "${TB_SSH_CLIENT_DIR ?? "/none"}/known_hosts", remote_host: 127.0.0.1}
    health_check: {type: redis}
`;
const kubernetesService = (name: string): string => `  - name: ${name}
    technology: kubernetes
    remote_port: 80
    connection: {namespace: pw-bench, resource_name: web}
    health_check: {type: http, config: {path: /healthz}}
`;
const file = (services: string[]): string => `version: "1.0"\nservices:\n${services.join("")}`;
const five = [1, 2, 3, 4, 5];

function kubectl(...args: string[]): void {
  const [program = "kubectl", ...first] = TESTBED_KUBECTL?.split(" ") ?? [];
  execFileSync(program, [...first, ...args], { stdio: "ignore" });
}

async function kubectlForwards(count: number): Promise<Memory> {
  const [program = "kubectl", ...first] = TESTBED_KUBECTL?.split(" ") ?? [];
  const children: ChildProcess[] = Array.from({ length: count }, () =>
    spawn(program, [...first, "port-forward", "-n", "pw-bench", "service/web", ":80"], { stdio: "ignore" }),
  );
  await pause(settleMs * 2);
  const memories = children.map((child) => memoryOfTree(child.pid ?? 0));
  await Promise.all(children.map((child) => end(child)));
  return {
    privateKb: memories.reduce((sum, { privateKb }) => sum + privateKb, 0),
    rssKb: memories.reduce((sum, { rssKb }) => sum + rssKb, 0),
  };
}

const samples: Record<string, Memory[]> = {};
const note = (name: string, memory: Memory): void => void (samples[name] ??= []).push(memory);

if (haveTestbed) {
  kubectl("create", "namespace", "pw-bench");
  kubectl(
    "create",
    "deployment",
    "web",
    "-n",
    "pw-bench",
    "--image=registry.k8s.io/e2e-test-images/agnhost:2.53",
    "--",
    "/agnhost",
    "netexec",
    "--http-port=8080",
  );
  kubectl("expose", "deployment", "web", "-n", "pw-bench", "--port=80", "--target-port=8080");
  kubectl("rollout", "status", "deployment/web", "-n", "pw-bench", "--timeout=60s");
}
try {
  for (let round = 0; round < rounds; round++) {
    note("bare", await bareNode());
    const one = await measure(file([sshService("one")]), "get_status");
    note("idle", one.daemon);
    note("shim", one.shim);
    note(
      "hundred",
      (await measure(file(Array.from({ length: 100 }, (_, index) => sshService(`s${index}`))), "get_status")).daemon,
    );
    if (!haveTestbed) continue;
    const ten = [...five.map((n) => sshService(`ssh${n}`)), ...five.map((n) => kubernetesService(`kube${n}`))];
    note("ten", (await measure(file(ten), "start_environment")).daemon);
    note("kubectl", await kubectlForwards(10));
  }
} finally {
  if (haveTestbed) kubectl("delete", "namespace", "pw-bench", "--wait=false");
}

const megabytes = (name: string, key: keyof Memory): number =>
  median((samples[name] ?? []).map((memory) => memory[key])) / 1024;
const row = (what: string, name: string, wanted: string): (string | number)[] => [
  what,
  megabytes(name, "privateKb"),
  megabytes(name, "rssKb"),
  megabytes(name, "privateKb") / megabytes("bare", "privateKb"),
  megabytes(name, "rssKb") - megabytes("bare", "rssKb"),
  wanted,
];
printTable(
  `memory, medians of ${rounds} interleaved rounds, MB`,
  ["what", "private", "RSS", "private ÷ bare", "RSS − bare", "wanted"],
  [
    row("bare node", "bare", ""),
    row("daemon, SQLite, one MCP session", "idle", "private ≤ 25, RSS ≤ bare + 30"),
    row("daemon, 100 defined idle services", "hundred", `private ≤ ${(megabytes("idle", "privateKb") + 5).toFixed(1)}`),
    row("shim", "shim", "private ≤ 10"),
    ...(haveTestbed
      ? [row("daemon, 10 idle forwards", "ten", "private ≤ 40"), row("10 × kubectl port-forward", "kubectl", "")]
      : []),
  ],
);
