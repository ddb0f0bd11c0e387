import { readdirSync } from "node:fs";
import type net from "node:net";
import { type Outcome, runClient } from "./client.ts";
import { Random } from "./random.ts";
import { randomScenario, type Scenario, type WayLimits } from "./scenarios.ts";

/** A way to the target under test, and what can be done to it. */
export interface Way {
  readonly name: string;
  readonly limits: WayLimits;
  port(of: Scenario["port"]): number;
  readonly prepare?: (of: Scenario["port"]) => ((socket: net.Socket) => Promise<void>) | undefined;
  /** Breaks it in one of the ways that it breaks by itself; says what it did. Resolves when it may work again. */
  readonly disturb?: (random: Random) => Promise<string>;
  /** What the targets said since it was asked last. */
  targetLines(): Promise<readonly string[]>;
  /** For the report: streams, tunnels, how connections ended. */
  state(): Readonly<Record<string, unknown>>;
}

export interface SoakOptions {
  readonly seed: number;
  readonly forMs: number;
  /** At once. */
  readonly clients: number;
  /** Connections of a burst, now and then. */
  readonly burst: number;
  readonly patienceMs: number;
  /** Between disturbances; none when it is absent. */
  readonly disturbEveryMs?: number;
  /** Only this kind of client. */
  readonly only?: string | undefined;
  /** How long after a disturbance began a connection may still fail by it. */
  readonly graceMs: number;
}

export interface SoakResult {
  readonly connections: number;
  readonly bytes: number;
  readonly byKind: Readonly<Record<string, number>>;
  /** What nothing excuses. */
  readonly failures: readonly string[];
  /** Resets by a disturbance. */
  readonly excused: number;
  readonly disturbances: readonly string[];
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Lets random clients loose on a way. A seed gives the same connections in the same order. */
export async function soak(way: Way, options: SoakOptions): Promise<SoakResult> {
  const random = new Random(options.seed);
  const startedMs = performance.now();
  const untilMs = startedMs + options.forMs;
  const outcomes: Outcome[] = [];
  const disturbed: { readonly fromMs: number; toMs: number; what: string }[] = [];
  let next = options.seed * 100_000;

  const one = async (scenario: Scenario): Promise<void> => {
    const seed = (next += 2);
    const { patienceMs } = options;
    const prepare = way.prepare?.(scenario.port);
    outcomes.push(await runClient(seed, scenario, { port: way.port(scenario.port), patienceMs, prepare }));
  };
  const client = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const scenario = randomScenario(random, way.limits, options.only);
      const burst = options.burst > 0 && random.chance(0.01) ? options.burst : 1;
      if (burst === 1) await one(scenario);
      else await Promise.all(Array.from({ length: burst }, () => one(burstScenario)));
      if (random.chance(0.3)) await pause(random.size(300));
    }
  };
  const disturber = async (): Promise<void> => {
    const own = new Random(options.seed + 1);
    while (way.disturb && options.disturbEveryMs !== undefined) {
      await pause(options.disturbEveryMs * (0.5 + own.unit()));
      if (performance.now() > untilMs - options.graceMs) return;
      const disturbance = { fromMs: performance.now(), toMs: Number.POSITIVE_INFINITY, what: "" };
      disturbed.push(disturbance);
      disturbance.what = await way.disturb(own);
      disturbance.toMs = performance.now() + options.graceMs;
    }
  };
  await Promise.all([...Array.from({ length: options.clients }, client), disturber()]);

  // What the targets say of the last ones may still be on its way.
  await pause(1000);
  const failures: string[] = [];
  let excused = 0;
  const byKind: Record<string, number> = {};
  const lines = new Map((await way.targetLines()).map((line) => [line.split(" ")[1] ?? "", line]));
  for (const outcome of outcomes) {
    byKind[outcome.kind] = (byKind[outcome.kind] ?? 0) + 1;
    const hit = disturbed.filter(({ fromMs, toMs }) => outcome.startedMs < toMs && outcome.endedMs > fromMs);
    const line = lines.get(String(outcome.seed)) ?? "the target never heard of it";
    const untold = outcome.scenario.whole && !line.startsWith("done") ? "the target did not get through" : "";
    const corrupt = line.includes("WRONG");
    const words = outcome.failure ? `${outcome.failure.what}: ${outcome.failure.words}` : untold;
    if (words === "" && !corrupt) continue;
    // sshd's sockets end in order when its session is killed: nothing here can tell.
    const ended = outcome.failure?.what === "cut short" && !way.limits.refuses;
    const mayFail =
      hit.length > 0 &&
      !corrupt &&
      (ended || ["reset", "other", "not reset", undefined].includes(outcome.failure?.what));
    if (mayFail) excused++;
    else {
      const times = `${Math.round(outcome.startedMs - startedMs)}-${Math.round(outcome.endedMs - startedMs)} ms`;
      const by = hit.map(({ fromMs, what }) => `${what} at ${Math.round(fromMs - startedMs)}`).join(", ");
      failures.push(
        `${way.name} seed ${options.seed} connection ${outcome.seed} (${outcome.kind}, ${times}${by && `, during ${by}`}): ${words}; target: ${line}; ${JSON.stringify(outcome.scenario.target)}`,
      );
    }
  }
  return {
    connections: outcomes.length,
    bytes: outcomes.reduce((sum, { bytes }) => sum + bytes, 0),
    byKind,
    failures,
    excused,
    disturbances: disturbed.map(({ what }) => what),
  };
}

const burstScenario: Scenario = {
  kind: "one of a burst",
  port: "main",
  target: [{ do: "answer", bytes: 300 }],
  client: [{ do: "talk", messages: 3, bytes: 100, pipelined: false }, { do: "close" }],
  whole: true,
};

/** Open files of this process. */
export const openFiles = (): number => readdirSync("/proc/self/fd").length;

/**
 * Waits until nothing is left over of what the clients did.
 * @param before open files before them
 * @returns how many are left after `withinMs`
 */
export async function leftOver(before: number, withinMs: number): Promise<number> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const more = openFiles() - before;
    if (more <= 0 || performance.now() > untilMs) return Math.max(0, more);
    await pause(200);
  }
}
