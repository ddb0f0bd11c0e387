/**
 * How long until something answers, ours beside bare Node, interleaved: `portwright mcp` with a warm daemon until it
 * answered `tools/list`, the same from cold (daemon included), and the daemon until its socket answers.
 */
import { mkdtempSync, rmSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFileSync, spawn } from "node:child_process";
import { end, handshakeThen, mainJs, timeToAnswer, timeToExit } from "./support/process.ts";
import { median, printTable } from "./support/stats.ts";

const rounds = Number(process.env["ROUNDS"] ?? 15);
const home = mkdtempSync(join(tmpdir(), "pw-bench-"));
const cwd = join(home, "project");
mkdirSync(cwd);
const env = { PATH: process.env["PATH"] ?? "", HOME: home, PORTWRIGHT_HOME: home };
const node = process.execPath;
const listTools = handshakeThen({ method: "tools/list", params: {} });
const isAnswer = (message: { id?: unknown }): boolean => message.id === 2;
const cli = (...args: string[]): string => execFileSync(node, [mainJs, ...args], { env, cwd, encoding: "utf8" });

const bare: number[] = [];
const warm: number[] = [];
const cold: number[] = [];
const ready: number[] = [];

try {
  for (let round = 0; round < rounds; round++) {
    bare.push(await timeToExit(node, ["-e", "0"], env));
    // Cold: no daemon runs.
    const first = await timeToAnswer(node, [mainJs, "mcp"], { env, cwd }, listTools, isAnswer);
    cold.push(first.ms);
    await end(first.child);
    const second = await timeToAnswer(node, [mainJs, "mcp"], { env, cwd }, listTools, isAnswer);
    warm.push(second.ms);
    await end(second.child);
    cli("daemon", "stop");
    ready.push(await daemonReady());
    cli("daemon", "stop");
  }
} finally {
  try {
    cli("daemon", "stop");
  } catch {
    // None runs.
  }
  rmSync(home, { recursive: true, force: true });
}

/** From the start of the daemon's process until its socket takes a connection. */
async function daemonReady(): Promise<number> {
  const { connect } = await import("node:net");
  const { portwrightPaths } = await import("../src/adapters/system/paths.ts");
  const { socketFile } = portwrightPaths(env, home);
  const startedMs = performance.now();
  const child = spawn(node, [mainJs, "daemon", "run"], { env, cwd, stdio: "ignore", detached: true });
  child.unref();
  for (;;) {
    const there = await new Promise<boolean>((resolve) => {
      const socket = connect(socketFile, () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (there) return performance.now() - startedMs;
    if (performance.now() - startedMs > 20_000) throw new Error("the daemon did not come up");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const [bareMs, warmMs, coldMs, readyMs] = [median(bare), median(warm), median(cold), median(ready)];
printTable(
  `startup, medians of ${rounds} interleaved rounds, ms`,
  ["what", "ours", "bare node", "difference", "ratio", "wanted"],
  [
    ["mcp, daemon warm, until tools/list", warmMs, bareMs, warmMs - bareMs, warmMs / bareMs, "difference ≤ 60"],
    ["mcp, cold, daemon included", coldMs, bareMs, coldMs - bareMs, coldMs / bareMs, "ours < 500"],
    ["daemon until its socket answers", readyMs, bareMs, readyMs - bareMs, readyMs / bareMs, "ratio ≤ 5"],
  ],
);
