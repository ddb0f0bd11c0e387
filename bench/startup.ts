/**
 * How long until something answers, ours beside bare Node, interleaved: `portwright mcp` with a warm daemon until it
 * answered `tools/list`, the same from cold (daemon included), and the daemon until it answers on its socket.
 * Once before the rounds everything runs unmeasured, so that files are in the page cache, as for bare Node.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { portwrightPaths } from "../src/adapters/system/paths.ts";
import { makeHome, node } from "./support/portwright.ts";
import { end, handshakeThen, mainJs, timeToAnswer, timeToExit } from "./support/process.ts";
import { toLine, wireVersion } from "../src/server/daemon/wire.ts";
import { daemonFlags } from "../src/shim/daemon-place.ts";
import { median, printTable, verdict } from "./support/stats.ts";

const rounds = Number(process.env["ROUNDS"] ?? 15);
const listTools = handshakeThen({ method: "tools/list", params: {} });
const samples = { bare: [] as number[], cold: [] as number[], warm: [] as number[], ready: [] as number[] };

using home = makeHome();
const { socketFile } = portwrightPaths(home.env, home.env["HOME"] ?? "");

async function untilTools(): Promise<number> {
  const { ms, child } = await timeToAnswer(node, [mainJs, "mcp"], home, listTools, ({ id }) => id === 2);
  await end(child);
  return ms;
}

const question = toLine({ portwright: wireVersion, version: "0.0.0", control: "status" });
const answers = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketFile, () => socket.write(question));
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

/** From the start of the daemon's process, as a shim starts it, until it answers `status` on its socket. */
async function untilReady(): Promise<number> {
  const startedMs = performance.now();
  const daemon = spawn(node, [...daemonFlags, mainJs, "daemon", "run"], { ...home, stdio: "ignore" });
  try {
    while (!(await answers())) {
      if (performance.now() - startedMs > 20_000) throw new Error("the daemon did not come up");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return performance.now() - startedMs;
  } finally {
    daemon.kill();
    await once(daemon, "exit");
  }
}

for (let round = -1; round < rounds; round++) {
  const bare = await timeToExit(node, ["-e", "0"], home.env);
  const cold = await untilTools();
  const warm = await untilTools();
  home.run("daemon", "stop");
  const ready = await untilReady();
  if (round < 0) continue;
  samples.bare.push(bare);
  samples.cold.push(cold);
  samples.warm.push(warm);
  samples.ready.push(ready);
}

const bare = median(samples.bare);
const row = (what: string, ms: number, wanted: string, reached: boolean): (string | number)[] => [
  what,
  ms,
  ms - bare,
  ms / bare,
  wanted,
  verdict(reached),
];
const [warm, cold, ready] = [median(samples.warm), median(samples.cold), median(samples.ready)];
printTable(
  `startup, Node ${process.versions.node}, medians of ${rounds} interleaved rounds, ms`,
  ["what", "ms", "− bare", "÷ bare", "wanted", ""],
  [
    ["bare node, to its end", bare],
    row("mcp, daemon warm, until tools/list", warm, "− bare ≤ 60", warm - bare <= 60),
    row("mcp, cold, daemon included, until tools/list", cold, "< 500", cold < 500),
    row("daemon, until it answers on its socket", ready, "÷ bare ≤ 5", ready / bare <= 5),
  ],
);
