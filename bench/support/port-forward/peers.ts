import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePorts } from "../free-port.ts";
import { callOnce, daemonPid, makeHome } from "../portwright.ts";
import { end } from "../process.ts";
import { kubectlCommand, remotePorts, type BenchPod, type RemotePort } from "./cluster.ts";

/** One way to the pod, as a process of its own. */
export interface Peer {
  readonly pid: number;
  /** Local port of each remote one. */
  readonly ports: Readonly<Record<RemotePort, number>>;
  /** Whether it still serves. */
  alive(): boolean;
  stop(): Promise<void>;
}

const names = Object.keys(remotePorts) as RemotePort[];
const byName = (ports: readonly number[]): Record<RemotePort, number> =>
  Object.fromEntries(names.map((name, index) => [name, ports[index] ?? 0])) as Record<RemotePort, number>;

/** `kubectl port-forward` of the testbed's own version to all ports of the pod. */
export async function startKubectl(pod: BenchPod, kubeconfig?: string): Promise<Peer> {
  const [program, ...first] = kubectlCommand(kubeconfig);
  const forward = [
    "port-forward",
    "-n",
    pod.namespace,
    `pod/${pod.name}`,
    ...Object.values(remotePorts).map((port) => `:${port}`),
  ];
  const child = spawn(program, [...first, ...forward, "--address", "127.0.0.1"], {
    stdio: ["ignore", "pipe", "ignore"],
    ...(kubeconfig !== undefined && { env: { ...process.env, KUBECONFIG: kubeconfig } }),
  });
  const ports: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const local = /:(\d+) -> (\d+)/.exec(line);
    if (local === null) continue;
    ports[Object.values(remotePorts).indexOf(Number(local[2]) as never)] = Number(local[1]);
    if (ports.filter(Boolean).length === names.length) break;
  }
  child.stdout.resume();
  return {
    pid: child.pid ?? 0,
    ports: byName(ports),
    alive: () => child.exitCode === null && child.signalCode === null,
    stop: () => end(child, "SIGKILL"),
  };
}

/** The configuration of forwards to the pod, one for each given local port. */
export const forwards = (pod: BenchPod, to: readonly { readonly remote: number; readonly local: number }[]): string =>
  `version: "1.0"\nservices:\n${to
    .map(
      ({ remote, local }, index) =>
        `  - {name: s${index}, technology: kubernetes, remote_port: ${remote}, local_port: ${local}, connection: {namespace: ${pod.namespace}, resource_type: pod, resource_name: ${pod.name}}, health_check: {type: tcp, interval: 3600s}}\n`,
    )
    .join("")}`;

/** Our daemon as a user's, started by a client that calls `start_environment`. */
export async function startDaemon(yaml: string, kubeconfig?: string): Promise<Pick<Peer, "pid" | "alive" | "stop">> {
  const made = makeHome(yaml);
  const home = kubeconfig === undefined ? made : { ...made, env: { ...made.env, KUBECONFIG: kubeconfig } };
  const { shim, answer } = await callOnce(home, "start_environment");
  const stop = async (): Promise<void> => {
    await end(shim);
    made.run("daemon", "stop");
    made[Symbol.dispose]();
  };
  if (answer.state === "ready") return { pid: daemonPid(made), alive: () => true, stop };
  await stop();
  throw new Error(JSON.stringify(answer));
}

export async function startOurs(pod: BenchPod, kubeconfig?: string): Promise<Peer> {
  const locals = await freePorts(names.length);
  const to = Object.values(remotePorts).map((remote, index) => ({ remote, local: locals[index] ?? 0 }));
  return { ...(await startDaemon(forwards(pod, to), kubeconfig)), ports: byName(locals) };
}

/** Our transport alone with one protocol forced. */
export async function startTransport(pod: BenchPod, protocol: string): Promise<Peer> {
  const entry = join(import.meta.dirname, "transport-entry.ts");
  const child: ChildProcess = spawn(
    process.execPath,
    ["--max-semi-space-size=1", entry, protocol, pod.namespace, pod.name, ...Object.values(remotePorts).map(String)],
    { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, KUBECONFIG: process.env["TESTBED_KUBECONFIG"] } },
  );
  const [line] = (await once(child.stdout ?? child, "data")) as [Buffer];
  return {
    pid: child.pid ?? 0,
    ports: byName(JSON.parse(line.toString()) as number[]),
    alive: () => child.exitCode === null,
    stop: () => end(child, "SIGKILL"),
  };
}

/** Processor seconds of a process (proc(5): utime, stime). */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
