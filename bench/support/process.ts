import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";

/** The built command. */
export const mainJs = resolve(import.meta.dirname, "../../dist/main.js");

export interface Memory {
  /** RssAnon of /proc/PID/status: what the process has for itself, in kB. */
  readonly privateKb: number;
  readonly rssKb: number;
}

/** Memory of one process (Linux). */
export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return { privateKb: field("RssAnon"), rssKb: field("VmRSS") };
}

/** Several processes together. RSS counts what they share (libraries) once for each. */
export interface TreeMemory extends Memory {
  readonly processes: number;
}

/** The id of a process, then those of all its descendants. */
export function processTree(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const tree = [pid];
  for (const member of tree) for (const [child, parent] of parents) if (parent === member) tree.push(child);
  return tree;
}

/** A process with all its descendants that still live, together. */
export function memoryOfTree(pid: number): TreeMemory {
  const memories = processTree(pid).flatMap((member) => {
    try {
      return [memoryOf(member)];
    } catch {
      return [];
    }
  });
  const sum = (key: keyof Memory): number => memories.reduce((total, memory) => total + memory[key], 0);
  return { privateKb: sum("privateKb"), rssKb: sum("rssKb"), processes: memories.length };
}

/** Milliseconds from the start of a command to its end. */
export async function timeToExit(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const startedMs = performance.now();
  const child = spawn(command, args, { env, stdio: "ignore" });
  await once(child, "exit");
  return performance.now() - startedMs;
}

/** One JSON-RPC message, as far as it is looked at. */
export interface Message {
  readonly id?: unknown;
}

/**
 * Milliseconds from the start of a command until it answered lines that were written to it at once, and that answer.
 * The process lives on.
 */
export async function timeToAnswer(
  command: string,
  args: readonly string[],
  { env, cwd }: { readonly env: NodeJS.ProcessEnv; readonly cwd: string },
  lines: readonly object[],
  isAnswer: (message: Message) => boolean,
): Promise<{ readonly ms: number; readonly child: ChildProcess; readonly message: Message }> {
  const startedMs = performance.now();
  const child = spawn(command, args, { env, cwd, stdio: ["pipe", "pipe", "inherit"] });
  for (const line of lines) child.stdin.write(`${JSON.stringify(line)}\n`);
  let text = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    text += chunk.toString();
    const end = text.lastIndexOf("\n") + 1;
    const complete = text.slice(0, end).split("\n").slice(0, -1);
    text = text.slice(end);
    const message = complete.map((line) => JSON.parse(line) as Message).find(isAnswer);
    if (message !== undefined) return { ms: performance.now() - startedMs, child, message };
  }
  throw new Error(`${command} ${args.join(" ")} ended without an answer`);
}

/** Ends a process and waits for it. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

/** The handshake of the 2025-11-25 revision, then one request, as lines. */
export const handshakeThen = (request: object): object[] => [
  {
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "bench", version: "1" } },
  },
  { jsonrpc: "2.0", method: "notifications/initialized" },
  { jsonrpc: "2.0", id: 2, ...request },
];
