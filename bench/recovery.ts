/**
 * How soon the truth is told and things come back, on the testbed: the sshd session of a forward killed on the server,
 * a pod deleted under a forward, and a target that is gone while nobody uses it and while somebody does.
 * `kubectl port-forward` beside it: what its client sees after the same deletion.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRespServer } from "../tests/support/resp-server.ts";
import { connectMcp, type McpClient } from "../src/cli/demo/mcp-client.ts";
import { end, mainJs } from "./support/process.ts";
import { killSessions, sshSessions } from "./support/ssh-sessions.ts";
import { median, printTable } from "./support/stats.ts";

const rounds = Number(process.env["ROUNDS"] ?? 5);
const { TB_BASTION_PORT, TB_REDIS_PORT, TB_SSH_CLIENT_DIR, TESTBED_KUBECONFIG, TESTBED_KUBECTL } = process.env;
if (TB_SSH_CLIENT_DIR === undefined || TESTBED_KUBECONFIG === undefined) {
  console.log('recovery: needs the testbed: eval "$(../shared/testbed/testbed env)"');
  process.exit(2);
}
const namespace = `pw-recovery-${process.pid}`;
const pollMs = 5;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const [kubectlProgram = "kubectl", ...kubectlFirst] = TESTBED_KUBECTL?.split(" ") ?? [];
const kubectl = (...args: string[]): string =>
  execFileSync(kubectlProgram, [...kubectlFirst, ...args], { encoding: "utf8" });

/** A target of our own behind the bastion, that can go away. */
const target = await startRespServer();
const targetIntervalMs = 2000;

const home = mkdtempSync(join(tmpdir(), "pw-bench-"));
const cwd = join(home, "project");
mkdirSync(cwd);
const env = { PATH: process.env["PATH"] ?? "", HOME: home, PORTWRIGHT_HOME: home, KUBECONFIG: TESTBED_KUBECONFIG };
writeFileSync(
  join(cwd, "portwright.yaml"),
  `version: "1.0"
services:
  - name: cache
    technology: ssh
    remote_port: ${TB_REDIS_PORT}
    connection: {host: 127.0.0.1, port: ${TB_BASTION_PORT}, user: tbuser, key_file: "${TB_SSH_CLIENT_DIR}/id_plain", known_hosts_file: "${TB_SSH_CLIENT_DIR}/known_hosts", remote_host: 127.0.0.1}
    health_check: {type: redis, interval: 30s}
  - name: own
    technology: ssh
    remote_port: ${target.port}
    connection: {host: 127.0.0.1, port: ${TB_BASTION_PORT}, user: tbuser, key_file: "${TB_SSH_CLIENT_DIR}/id_plain", known_hosts_file: "${TB_SSH_CLIENT_DIR}/known_hosts", remote_host: 127.0.0.1}
    health_check: {type: redis, interval: ${targetIntervalMs / 1000}s}
  - name: web
    technology: kubernetes
    remote_port: 80
    connection: {namespace: ${namespace}, resource_name: web}
    health_check: {type: http, interval: 30s, config: {path: /healthz}}
`,
);

interface Status {
  readonly ready?: { readonly rows: readonly (readonly [string, number, number])[] };
}
const isReady = async (client: McpClient, service: string): Promise<boolean> => {
  const { ready } = (await client.call("get_status", {})) as Status;
  return ready?.rows.some(([name]) => name === service) ?? false;
};
const until = async (wanted: () => Promise<boolean>, limitMs = 20_000): Promise<number> => {
  const startedMs = performance.now();
  while (!(await wanted())) {
    if (performance.now() - startedMs > limitMs) return Number.NaN;
    await pause(pollMs);
  }
  return performance.now();
};

/** A connection in use, and the moment at which its client sees that it broke. */
async function held(
  port: number,
  request: string,
): Promise<{ readonly socket: Socket; readonly broken: Promise<number> }> {
  const socket = connect(port, "127.0.0.1");
  const broken = new Promise<number>((resolve) => socket.once("close", () => resolve(performance.now())));
  socket.on("error", () => undefined);
  const signal = AbortSignal.timeout(2000);
  try {
    await once(socket, "connect", { signal });
    socket.write(request);
    await once(socket, "data", { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return { socket, broken };
}

/** Pods that are Ready, as kubectl's own watch says, with the moment at which each was seen so first. */
class ReadyPods implements Disposable {
  readonly #child: ChildProcess;
  readonly #seen = new Map<string, number>();

  constructor() {
    const columns = 'NAME:.metadata.name,READY:.status.conditions[?(@.type=="Ready")].status';
    const args = [
      "get",
      "pods",
      "-n",
      namespace,
      "-l",
      "app=web",
      "-w",
      "--no-headers",
      "-o",
      `custom-columns=${columns}`,
    ];
    this.#child = spawn(kubectlProgram, [...kubectlFirst, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      const [name, ready] = line.trim().split(/\s+/);
      if (name && ready === "True" && !this.#seen.has(name)) this.#seen.set(name, performance.now());
    });
  }

  /** When a pod other than `before` was Ready. */
  async other(before: string): Promise<number> {
    const found = (): number | undefined => [...this.#seen].findLast(([name]) => name !== before)?.[1];
    await until(() => Promise.resolve(found() !== undefined));
    return found() ?? Number.NaN;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
const podName = (): string =>
  kubectl("get", "pods", "-n", namespace, "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}").trim();

const figures: Record<string, number[]> = {};
const note = (name: string, ms: number): void => void (figures[name] ??= []).push(ms);
const httpRequest = "GET /hostname HTTP/1.1\r\nhost: web\r\n\r\n";

async function killSession(client: McpClient, port: number, daemon: number): Promise<void> {
  const { broken } = await held(port, "PING\r\n");
  killSessions(sshSessions([daemon]));
  const [brokenAt, notReadyAt] = await Promise.all([
    broken,
    until(async () => !(await isReady(client, "cache")), 3000),
  ]);
  const readyAt = await until(() => isReady(client, "cache"));
  // A reconnection faster than a poll was never seen as not ready.
  note(
    "ssh: told not ready after the first broken connection",
    Number.isNaN(notReadyAt) ? 0 : Math.max(0, notReadyAt - brokenAt),
  );
  note("ssh: ready again after the kill was seen", readyAt - brokenAt);
}

/** The target goes away: while nobody uses it, then under a first connection that fails. */
async function loseTarget(client: McpClient, port: number): Promise<void> {
  const gone = async (what: string, sinceMs: () => Promise<number>): Promise<void> => {
    // Anywhere in the interval.
    await pause(Math.random() * targetIntervalMs);
    await target.away();
    const fromMs = await sinceMs();
    note(what, (await until(async () => !(await isReady(client, "own")))) - fromMs);
    await target.back();
    await until(() => isReady(client, "own"));
  };
  await gone("target gone, nobody uses it: told not ready", () => Promise.resolve(performance.now()));
  let user: Socket | undefined;
  await gone("target gone: told not ready after the first connection that fails was made", () => {
    // It is not turned away at once: it waits for a better time. So its beginning counts.
    user = connect(port, "127.0.0.1");
    user.on("error", () => undefined).resume();
    return Promise.resolve(performance.now());
  });
  user?.destroy();
}

async function deletePod(client: McpClient, port: number): Promise<void> {
  const before = podName();
  using pods = new ReadyPods();
  const { broken } = await held(port, httpRequest);
  const deleting = spawn(
    kubectlProgram,
    [...kubectlFirst, "delete", "pod", before, "-n", namespace, "--force", "--grace-period=0"],
    { stdio: "ignore" },
  );
  const [brokenAt, notReadyAt, replacedAt] = await Promise.all([
    broken,
    until(async () => !(await isReady(client, "web")), 20_000),
    pods.other(before),
  ]);
  const readyAt = await until(() => isReady(client, "web"));
  await end(deleting);
  note(
    "pod: told not ready after the first broken connection",
    Number.isNaN(notReadyAt) ? 0 : Math.max(0, notReadyAt - brokenAt),
  );
  // kubectl's watch, which is the clock here, now and then prints nothing of the new pod: such a round has no figure.
  if (!Number.isNaN(replacedAt))
    note("pod: ready again after the new pod was Ready", Math.max(0, readyAt - replacedAt));
}

/** kubectl under the same deletion: whether a new connection works again within ten seconds. */
async function kubectlAfterDeletion(): Promise<boolean> {
  const forward: ChildProcess = spawn(
    kubectlProgram,
    [...kubectlFirst, "port-forward", "-n", namespace, "service/web", ":80"],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const [line] = (await once(forward.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  const port = Number(/:(\d+) ->/.exec(line.toString())?.[1]);
  const before = podName();
  using pods = new ReadyPods();
  await held(port, httpRequest);
  kubectl("delete", "pod", before, "-n", namespace, "--force", "--grace-period=0");
  await pods.other(before);
  const works = await until(
    async () =>
      held(port, httpRequest).then(
        ({ socket }) => Boolean(socket.destroy()),
        () => false,
      ),
    10_000,
  );
  await end(forward, "SIGKILL");
  return !Number.isNaN(works);
}

kubectl("create", "namespace", namespace);
let kubectlRecovered = 0;
try {
  kubectl(
    "create",
    "deployment",
    "web",
    "-n",
    namespace,
    "--image=registry.k8s.io/e2e-test-images/agnhost:2.53",
    "--",
    "/agnhost",
    "netexec",
    "--http-port=8080",
  );
  kubectl("expose", "deployment", "web", "-n", namespace, "--port=80", "--target-port=8080");
  kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s");
  const client = await connectMcp([process.execPath, mainJs, "mcp"], env, cwd);
  const started = (await client.call("start_environment", {})) as { services: { service: string; endpoint: string }[] };
  const portOf = (service: string): number =>
    Number(
      started.services
        .find((row) => row.service === service)
        ?.endpoint.split(":")
        .at(-1),
    );
  const { pid } = JSON.parse(
    execFileSync(process.execPath, [mainJs, "daemon", "status", "--output", "json"], { env, cwd, encoding: "utf8" }),
  ) as { pid: number };
  for (let round = 0; round < rounds; round++) {
    await killSession(client, portOf("cache"), pid);
    await until(() => isReady(client, "own"));
    await loseTarget(client, portOf("own"));
    await deletePod(client, portOf("web"));
    if (await kubectlAfterDeletion()) kubectlRecovered++;
    kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s");
    await until(() => isReady(client, "web"));
  }
  await client.close();
} finally {
  execFileSync(process.execPath, [mainJs, "daemon", "stop"], { env, cwd, stdio: "ignore" });
  kubectl("delete", "namespace", namespace, "--wait=false");
  await target[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
}

const wanted: Record<string, string> = {
  "target gone, nobody uses it: told not ready": `≤ ${targetIntervalMs}`,
  "target gone: told not ready after the first connection that fails was made": "≤ 200",
  "ssh: told not ready after the first broken connection": "≤ 500",
  "ssh: ready again after the kill was seen": "≤ 3000",
  "pod: told not ready after the first broken connection": "≤ 500",
  "pod: ready again after the new pod was Ready": "≤ 2000",
};
printTable(
  `recovery, ${rounds} rounds, ms (status asked every ${pollMs} ms)`,
  ["what", "median", "worst", "wanted"],
  Object.entries(figures).map(([name, values]) => [name, median(values), Math.max(...values), wanted[name] ?? ""]),
);
console.log(
  `  kubectl port-forward: worked again after the pod was replaced in ${kubectlRecovered} of ${rounds} rounds`,
);
