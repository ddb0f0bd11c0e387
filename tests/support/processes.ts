import { spawn, type ChildProcess, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { portwrightPaths, type PortwrightPaths } from "#adapters/system/paths.ts";

/** An entry file of this folder. */
const entry = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A folder for one test's daemon, and the processes that the test started; disposing ends them by pid. */
export class Sandbox implements AsyncDisposable {
  readonly home: string = mkdtempSync(join(tmpdir(), "pw-"));
  readonly env: Record<string, string>;
  readonly #children: ChildProcess[] = [];

  constructor(env: Record<string, string> = {}) {
    // A daemon that lost the race for the lock may win it after the test: it ends by itself.
    const idle = { PORTWRIGHT_IDLE_EXIT_S: "5" };
    this.env = { PATH: process.env["PATH"] ?? "", HOME: this.home, PORTWRIGHT_HOME: this.home, ...idle, ...env };
  }

  get paths(): PortwrightPaths {
    return portwrightPaths(this.env, homedir());
  }

  /** A shim process over `daemon-entry.ts`, with a client's view of it. */
  shim(env: Record<string, string> = {}): ShimProcess {
    return new ShimProcess(this.spawn([entry("shim-entry.ts")], env));
  }

  daemon(env: Record<string, string> = {}): ChildProcessByStdio<Writable, Readable, Readable> {
    return this.spawn([entry("daemon-entry.ts")], env);
  }

  spawn(args: readonly string[], env: Record<string, string> = {}): ChildProcessByStdio<Writable, Readable, Readable> {
    const child = spawn(process.execPath, args, {
      env: { ...this.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.on("error", () => {});
    this.#children.push(child);
    return child;
  }

  /** The daemon's answer to a control line; `undefined` when none listens. */
  async control(verb: string): Promise<Record<string, unknown> | undefined> {
    const line = await this.say(`${JSON.stringify({ portwright: 1, version: "0.0.0", control: verb })}\n`);
    // A daemon that was killed this moment may still have taken the connection.
    return line ? (JSON.parse(line) as Record<string, unknown>) : undefined;
  }

  /** What the daemon answers to raw bytes, until it closes; `undefined` when none listens. */
  say(bytes: string | Buffer): Promise<string | undefined> {
    return new Promise((resolve) => {
      const socket = connect(this.paths.socketFile);
      let text = "";
      let connected = false;
      socket.on("connect", () => {
        connected = true;
        socket.write(bytes);
      });
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.on("error", () => {});
      socket.on("close", () => resolve(connected ? text : undefined));
    });
  }

  log(): string {
    try {
      return readFileSync(this.paths.logFile, "utf8");
    } catch {
      return "";
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const status = await this.control("stop");
    // While its parent lives, somebody takes notice of its end at once.
    if (typeof status?.["pid"] === "number") await ended(status["pid"]);
    for (const child of this.#children) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}

export interface Answer {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
  readonly result?: {
    readonly isError?: boolean;
    readonly structuredContent?: Record<string, unknown> & {
      readonly pid: number;
      readonly error?: Record<string, unknown>;
    };
    readonly [key: string]: unknown;
  };
}

/** A client on a shim's stdio. Every line of stdout must be JSON: one that is not fails whoever waits. */
export class ShimProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly received: Answer[] = [];
  readonly notJson: string[] = [];
  stderr = "";
  #rest = "";
  readonly #waiting = new Set<() => void>();

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.child = child;
    child.stderr.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
      this.#wake();
    });
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (this.#rest + chunk.toString()).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) {
        try {
          this.received.push(JSON.parse(line) as Answer);
        } catch {
          this.notJson.push(line);
        }
      }
      this.#wake();
    });
    child.on("exit", () => this.#wake());
  }

  send(message: object): void {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  call(id: number | string, name: string, args: Record<string, unknown> = {}): Promise<Answer> {
    this.send({ id, method: "tools/call", params: { name, arguments: args } });
    return this.answer(id);
  }

  answer(id: number | string): Promise<Answer> {
    return this.until(() => this.received.find((answer) => answer.id === id && answer.method === undefined));
  }

  /** Waits for something to become true, at most 15 s. */
  until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look();
        if (found === undefined && this.child.exitCode === null && this.notJson.length === 0) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        if (found === undefined) reject(new Error(`shim: ${this.notJson.join("\n")}${this.stderr}`));
        else resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`no answer in time; stderr: ${this.stderr}`));
      }, 15_000);
      this.#waiting.add(check);
      check();
    });
  }

  exited(): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return Promise.resolve(this.child.exitCode);
    return once(this.child, "exit").then(([code]) => code as number | null);
  }

  #wake(): void {
    for (const check of this.#waiting) check();
  }
}

/** Whether a process runs: one that ended and whose parent has not noticed yet (a zombie) does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return process.platform !== "linux";
  }
}

/** Resolves when a process that is not our child has ended. */
export async function ended(pid: number, timeoutMs = 10_000): Promise<void> {
  const untilMs = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > untilMs) throw new Error(`process ${pid} did not end`);
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}
