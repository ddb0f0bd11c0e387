import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openStores } from "#adapters/sqlite/open-stores.ts";
import { startOrder } from "#domain/dependency-order.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { memoryPath, startMemoryEngine, type MemoryEngine, type MemoryFile } from "../support/memory-engine.ts";
import { atRest, createSimulatedClock, type SimulatedClock } from "../support/simulated-clock.ts";

const names = ["a", "b", "c"] as const;
type Name = (typeof names)[number];
const needs: Readonly<Record<string, readonly string[]>> = { a: [], b: ["a"], c: [] };
const redis = (interval: number): object => ({ health_check: { type: "redis", interval } });
const whole = (interval = 10): MemoryFile => ({
  a: redis(interval),
  b: { ...redis(interval), depends_on: ["a"] },
  c: redis(interval),
});
const holder = { clientId: "client", clientName: "tester" };

/** A daemon, its state, its file, and what was last answered to who asked. */
class Life {
  readonly clock: SimulatedClock = createSimulatedClock();
  readonly folder = mkdtempSync(join(tmpdir(), "portwright-life-"));
  readonly stores = openStores(join(this.folder, "state.db"));
  file = { version: 1, content: whole() };
  readonly wanted = new Set<string>();
  process: MemoryEngine;

  constructor() {
    this.process = this.begin();
  }

  begin(): MemoryEngine {
    return startMemoryEngine(this.clock, this.stores, () => this.file);
  }

  async workspace() {
    return this.process.engine.workspace(memoryPath).catch(() => undefined);
  }

  async kill(): Promise<void> {
    this.process.kill();
    this.process = this.begin();
    await this.process.engine.restore();
  }

  write(content: MemoryFile): void {
    this.file = { version: this.file.version + 1, content };
  }

  end(): void {
    this.process.kill();
    this.stores.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What may happen, to one service. Answers are waited for; what they start is not. */
const steps = {
  async start(life: Life, name: Name) {
    const workspace = await life.workspace();
    if (!workspace?.declaration(name)) return;
    // The use case does not wait for the state either: ports open and dials begin.
    await life.process.engine.start(workspace, [name], holder);
    for (const one of startOrder([name], (of) => needs[of] ?? [])) life.wanted.add(one);
  },
  async stop(life: Life, name: Name) {
    const workspace = await life.workspace();
    if (!workspace) return;
    await life.process.engine.stop(workspace, [name], holder, true);
    life.wanted.delete(name);
  },
  fail: (life: Life, name: Name) => void (life.process.world(name).targetGone = true),
  refuse: (life: Life, name: Name) =>
    void (life.process.world(name).refuseWith = new ConnectivityError("host_unreachable", "no answer")),
  refuseForGood: (life: Life, name: Name) =>
    void (life.process.world(name).refuseWith = new ConnectivityError("host_key_changed", "another key")),
  cut: (life: Life, name: Name) => life.process.world(name).cut(),
  heal: (life: Life, name: Name) => heal(life, name),
  client: (life: Life, name: Name) => life.process.world(name).client(),
  editCheck: (life: Life) => life.write(whole(10 + (life.file.version % 5))),
  editAway(life: Life, name: Name) {
    if (name !== "a") life.write(Object.fromEntries(Object.entries(whole() ?? {}).filter(([one]) => one !== name)));
  },
  editInvalid: (life: Life) => life.write(undefined),
  look: (life: Life) => life.workspace(),
  kill: (life: Life) => life.kill(),
  second: ({ clock }: Life) => clock.advance(1000),
  minute: ({ clock }: Life) => clock.advance(60_000),
} as const;
type Step = keyof typeof steps;

/** Found by chance: a service that comes back by an edit wanted what a person had stopped meanwhile. */
const hasBeen: [Step, Name][] = [
  ["start", "b"],
  ["editAway", "b"],
  ["stop", "a"],
  ["start", "c"],
];

function heal(life: Life, name: Name): void {
  const world = life.process.world(name);
  world.targetGone = false;
  world.refuseWith = undefined;
  world.thaw();
}

describe("[engine-life] a daemon's life with three services", () => {
  test(
    "what was last answered is what is up, through failures, edits and kills; nothing is left open",
    { timeout: 120_000 },
    async () => {
      const step = fc.tuple(fc.constantFrom(...(Object.keys(steps) as Step[])), fc.constantFrom(...names));
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (walk) => {
          const life = new Life();
          try {
            for (const [what, name] of walk) await steps[what](life, name);
            // All is well again, and somebody looks and asks once more for what had given up.
            life.write(whole());
            for (const name of names) heal(life, name);
            await atRest();
            const workspace = await life.workspace();
            for (const runtime of workspace?.runtimes() ?? []) runtime.retry();
            await life.clock.advance(70_000);
            expect(new Set(workspace?.wantedNames("declared"))).toEqual(life.wanted);
            expect(new Set(life.stores.state.wanted().map(({ service }) => service))).toEqual(life.wanted);
            for (const name of names) {
              const { state, failure } = workspace?.condition(name) ?? { state: "none" };
              const complete = (needs[name] ?? []).every((need) => life.wanted.has(need));
              // What waits for something that a person stopped may wait on; all else is as it was asked for.
              const ready = failure?.code === "dependency_failed" && !complete ? "waiting" : "ready";
              expect([name, state]).toEqual([name, life.wanted.has(name) ? ready : "stopped"]);
              const { listeners, transports, clients } = life.process.world(name).open();
              expect([name, listeners, clients]).toEqual([name, life.wanted.has(name) ? 1 : 0, 0]);
              expect(transports).toBe(state === "ready" ? 1 : 0);
            }
            await life.process.engine.close();
            await atRest();
            for (const name of names)
              expect(life.process.world(name).open()).toEqual({
                transports: 0,
                streams: 0,
                listeners: 0,
                watches: 0,
                clients: 0,
              });
            expect(life.clock.pending).toBe(0);
          } finally {
            life.end();
          }
        }),
        { numRuns: Number(process.env["ENGINE_WALKS"] ?? 60), examples: [[hasBeen]] },
      );
    },
  );
});
