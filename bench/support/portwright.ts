import { execFileSync, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { end, handshakeThen, mainJs, timeToAnswer } from "./process.ts";

/** The pinned Node: what runs the bench runs ours and is the bare one. */
export const node = process.execPath;

/** An empty home of ours below the temp folder, with a project folder in it. */
export interface Home extends Disposable {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Runs one command line to its end. @returns what it printed */
  run(...args: string[]): string;
}

export function makeHome(yaml?: string): Home {
  const home = mkdtempSync(join(tmpdir(), "pw-bench-"));
  const cwd = join(home, "project");
  mkdirSync(cwd);
  if (yaml !== undefined) writeFileSync(join(cwd, "portwright.yaml"), yaml);
  const kubeconfig = process.env["TESTBED_KUBECONFIG"];
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    PORTWRIGHT_HOME: home,
    ...(kubeconfig !== undefined && { KUBECONFIG: kubeconfig }),
  };
  return {
    env,
    cwd,
    run: (...args) => execFileSync(node, [mainJs, ...args], { env, cwd, encoding: "utf8" }),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** The answer of a tool, as far as a bench looks at it. */
export interface Answer {
  readonly summary: string;
  readonly state?: string;
}

/** `portwright mcp` that called one tool, once. It lives on. */
export async function callOnce(
  home: Home,
  tool: string,
): Promise<{ readonly shim: ChildProcess; readonly answer: Answer; readonly ms: number }> {
  const call = { method: "tools/call", params: { name: tool, arguments: {} } };
  const isAnswer = ({ id }: { readonly id?: unknown }): boolean => id === 2;
  const { child, message, ms } = await timeToAnswer(node, [mainJs, "mcp"], home, handshakeThen(call), isAnswer);
  const { result } = message as { readonly result?: { readonly structuredContent?: Answer } };
  if (result?.structuredContent !== undefined) return { shim: child, answer: result.structuredContent, ms };
  await end(child);
  throw new Error(`${tool} was answered by ${JSON.stringify(message)}`);
}

/** The process of the daemon that runs for this home. */
export const daemonPid = (home: Home): number =>
  (JSON.parse(home.run("daemon", "status", "--output", "json")) as { readonly pid: number }).pid;
