/** kill -9 at random moments during starts, stops, edits, plans and rollbacks: the next process finds what was last answered. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import SqliteDatabase from "better-sqlite3";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { serviceYaml, redisCheck, type Told } from "../support/portwright.ts";
import { redisCommand } from "../support/redis-client.ts";
import { startRespServer } from "../support/resp-server.ts";

/** 200 by `PORTWRIGHT_KILL_ROUNDS=200`; a seed goes with it to see the same again. */
const rounds = Number(process.env["PORTWRIGHT_KILL_ROUNDS"] ?? 20);
const seed = Number(process.env["PORTWRIGHT_KILL_SEED"] ?? 20_261_125);
const entry = fileURLToPath(new URL("../support/plans-entry.ts", import.meta.url));

interface State {
  readonly text: string;
  readonly inForce: string;
  readonly generation: number;
  readonly wanted: readonly string[];
  readonly journals: number;
}

/** The application in a child, one call at a time. */
class Child {
  readonly process: ChildProcess;
  readonly #waiting = new Map<number, (line: Told) => void>();
  readonly ready: Promise<void>;
  readonly #gone: Promise<undefined>;
  #id = 0;

  constructor(folder: string) {
    this.process = spawn(process.execPath, [entry, folder], { stdio: ["pipe", "pipe", "inherit"] });
    this.#gone = once(this.process, "exit").then(() => undefined);
    this.process.stdin?.on("error", () => undefined);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    createInterface({ input: this.process.stdout as NonNullable<ChildProcess["stdout"]> }).on("line", (line) => {
      const said = JSON.parse(line) as Told;
      if (said["ready"]) resolve();
      else this.#waiting.get(said["id"])?.(said);
    });
  }

  /** `undefined` when the process died before it answered. */
  ask(verb: string, args: object = {}): Promise<Told | undefined> {
    const id = ++this.#id;
    this.process.stdin?.write(`${JSON.stringify({ id, verb, args })}\n`);
    return Promise.race([new Promise<Told>((resolve) => this.#waiting.set(id, resolve)), this.#gone]);
  }

  async state(): Promise<State> {
    const said = await this.ask("state");
    if (!said) throw new Error("the child died by itself");
    return said["told"] as State;
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill("SIGKILL");
    await this.#gone;
  }
}

/** Mulberry32: the same walk for the same seed. */
function random(state: number): () => number {
  let now = state;
  return () => {
    now = (now + 0x6d2b79f5) | 0;
    let mixed = Math.imul(now ^ (now >>> 15), 1 | now);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test(
  `[plan-killed] ${rounds} times: wanted state, file, generation and ports are what was last answered, SQLite is intact`,
  { timeout: 60_000 + rounds * 6000 },
  async () => {
    await using server = await startRespServer();
    const folder = await mkdtemp(join(tmpdir(), "portwright-killed-"));
    const file = join(folder, "portwright.yaml");
    const next = random(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T;
    const service = (name: string, keys = "", port = server.port): string =>
      serviceYaml(name, port, `${redisCheck}${keys === "" ? "" : `, ${keys}`}`);
    const write = async (text: string): Promise<void> => {
      await writeFile(`${file}~`, text);
      await rename(`${file}~`, file);
    };
    await write(
      `version: "1.0"\nservices:\n  - ${service("a")}\n  - ${service("b", "depends_on: [a]")}\n  - ${service("c")}\n`,
    );
    const ports = new Map<string, number>();
    let child = new Child(folder);
    await child.ready;
    await child.ask("startEnvironment", { services: ["a"] });
    let answered = await child.state();
    const log: string[] = [];
    let added = 0;

    /** One thing that is done, and what the state may be when it was not answered. */
    async function act(): Promise<{ answer: Promise<unknown>; fits: (now: State) => boolean }> {
      const old = answered;
      const declared = [...old.text.matchAll(/name: ([a-z]\w*)/g)].map((match) => match[1] as string);
      const plan = async (verb: string, args: object): Promise<Told | undefined> => {
        const said = await child.ask(verb, args);
        return said?.["told"]?.plan_id === undefined ? undefined : said["told"];
      };
      const applied = (made: Told | undefined): ReturnType<typeof act> extends Promise<infer R> ? R : never => ({
        answer: made
          ? child.ask("applyPlan", { plan_id: made["plan_id"], confirm: made["confirm"] })
          : Promise.resolve(),
        // All of it or nothing of it.
        fits: (now) =>
          (now.text === old.text && now.generation === old.generation && sameSet(now.wanted, old.wanted)) ||
          (now.text === now.inForce && now.generation === old.generation + 1),
      });
      const what = pick(["start", "stop", "add", "change", "bad", "remove", "back", "edit", "invalid"]);
      log.push(what);
      switch (what) {
        case "start":
        case "stop": {
          const services = declared.filter(() => next() < 0.6);
          const verb = what === "start" ? "startEnvironment" : "stopEnvironment";
          const answer = services.length === 0 ? Promise.resolve() : child.ask(verb, { services });
          // One service after the other: each as it was, or as it was asked for.
          const asked = what === "start" ? declared : services;
          const kept = old.wanted.filter((name) => what === "start" || !asked.includes(name));
          const possible = new Set([...old.wanted, ...(what === "start" ? declared : [])]);
          const fits = (now: State): boolean =>
            now.text === old.text &&
            now.generation === old.generation &&
            kept.every((name) => now.wanted.includes(name)) &&
            now.wanted.every((name) => possible.has(name));
          return { answer, fits };
        }
        case "add": {
          const set = {
            technology: "ssh",
            remote_port: server.port,
            connection: { host: "direct" },
            health_check: { type: "redis", interval: "1s", timeout: "1s" },
          };
          return applied(await plan("configureService", { changes: [{ service: `n${++added}`, set }] }));
        }
        case "change":
          return applied(
            await plan("configureService", {
              changes: [
                { service: pick(declared), set: { waiting_room: { timeout: `${1 + Math.floor(next() * 30)}s` } } },
              ],
            }),
          );
        case "bad":
          return applied(
            await plan("configureService", { changes: [{ service: pick(declared), set: { remote_port: 1 } }] }),
          );
        case "remove":
          return declared.length > 2
            ? applied(await plan("removeService", { service: declared.at(-1) }))
            : applied(undefined);
        case "back":
          return applied(await plan("configureService", { rollback_to: Math.max(1, old.generation - 1) }));
        case "edit": {
          const text = `${old.text.trimEnd()}\n# edit ${log.length}\n`;
          return {
            answer: write(text).then(() => pause(300)),
            fits: (now) => now.text === text && now.inForce === text && sameSet(now.wanted, old.wanted),
          };
        }
        default: {
          const answer = write(`${old.text}  - {name: broken\n`).then(() => pause(200));
          return { answer, fits: (now) => now.generation === old.generation && sameSet(now.wanted, old.wanted) };
        }
      }
    }

    try {
      for (let round = 1; round <= rounds; round++) {
        const { answer, fits } = await act();
        const delayMs = next() < 0.3 ? next() * 20 : next() * 700;
        const done = await Promise.race([answer.then(() => true), pause(delayMs).then(() => false)]);
        // What was answered is what counts, unless more is on its way.
        if (done && log.at(-1) !== "invalid") answered = await child.state();
        await child.kill();

        const intact = integrity(join(folder, "state.db"));
        child = new Child(folder);
        await child.ready;
        let kept = true;
        if (log.at(-1) === "invalid") {
          // A person mends the file: the walk goes on from a valid one.
          kept = fits(await child.state());
          await write(answered.text);
        }
        await child.ask("getStatus");
        const now = await child.state();
        const fitting = same(now, answered) || (!done && fits(now));
        const ready = await portsAreThere(child, now, ports);
        const told = `round ${round}, seed ${seed}, ${done ? "answered" : "cut"}: ${log.slice(-4).join(", ")}`;
        expect({ told, intact, kept, fitting, journals: now.journals, inForce: now.inForce, ...ready }).toEqual({
          told,
          intact: "ok",
          kept: true,
          fitting: true,
          journals: 0,
          inForce: now.text,
          missing: [],
          moved: [],
          silent: [],
        });
        answered = await child.state();
      }
    } finally {
      await child.kill();
      await rm(folder, { recursive: true, force: true });
    }
  },
);

const sameSet = (left: readonly string[], right: readonly string[]): boolean =>
  JSON.stringify(left.toSorted()) === JSON.stringify(right.toSorted());
const same = (left: State, right: State): boolean =>
  left.text === right.text && left.generation === right.generation && sameSet(left.wanted, right.wanted);

function integrity(file: string): unknown {
  const database = new SqliteDatabase(file);
  try {
    return database.pragma("integrity_check", { simple: true });
  } finally {
    database.close();
  }
}

interface PortsSeen {
  /** Wanted, able to run, and not ready in time. */
  readonly missing: readonly string[];
  /** Ready on another port than before. */
  readonly moved: readonly string[];
  /** Ready and not answering through its port. */
  readonly silent: readonly string[];
}

/** Everything wanted should be back on the port that it had, and answer through it. */
async function portsAreThere(child: Child, state: State, ports: Map<string, number>): Promise<PortsSeen> {
  const declared = state.wanted.filter((name) => new RegExp(`name: ${name}[,\\n]`).test(state.text));
  // One whose target is wrong (a plan that was through on something that was not ready) cannot be ready.
  const able = declared.filter(
    (name) =>
      !new RegExp(`name: ${name}\\b[^\\n]*(?:\\n    [^\\n]*)*remote_port: 1\\b`).test(state.text) &&
      !blocked(state, name),
  );
  const table = async (): Promise<[string, number][]> => {
    const said = await child.ask("getStatus");
    return (said?.["told"]?.ready?.rows ?? []) as [string, number][];
  };
  const missingIn = (rows: [string, number][]): string[] =>
    able.filter((name) => !rows.some(([ready]) => ready === name));
  await eventually(async () => missingIn(await table()).length === 0, 30_000).catch(() => undefined);
  const rows = await table();
  const moved: string[] = [];
  const silent: string[] = [];
  for (const [name, port] of rows) {
    if ((ports.get(name) ?? port) !== port) moved.push(name);
    ports.set(name, port);
    if ((await redisCommand(port, "PING").catch(() => "")) !== "+PONG") silent.push(name);
  }
  return { missing: missingIn(rows), moved, silent };
}

/** Depends on one whose target is wrong, or that somebody stopped. */
const blocked = ({ text, wanted }: State, name: string): boolean =>
  name === "b" &&
  text.includes("depends_on: [a]") &&
  (!wanted.includes("a") || /name: a\b[^\n]*remote_port: 1\b/.test(text));
