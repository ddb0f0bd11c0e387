import { execFile, spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { end } from "../process.ts";
import { median } from "../stats.ts";

const run = promisify(execFile);
const entry = join(import.meta.dirname, "load-entry.ts");

/** A load generator of its own process, run to its end. */
export async function load<T>(kind: string, ...args: number[]): Promise<T> {
  const { stdout } = await run(process.execPath, [entry, kind, ...args.map(String)], { maxBuffer: 1e8 });
  return JSON.parse(stdout) as T;
}

interface Staying {
  /** Its first line. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** Its last line, once it has ended. */
  last(): Promise<Readonly<Record<string, unknown>>>;
  stop(): Promise<void>;
}

/** One that stays until it is stopped. */
export async function staying(kind: string, ...args: number[]): Promise<Staying> {
  const child: ChildProcess = spawn(process.execPath, [entry, kind, ...args.map(String)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let text = "";
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += String(chunk);
    if (text.includes("\n")) break;
  }
  const parse = (): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
  return {
    answer: parse(),
    async last() {
      text = "";
      for await (const chunk of child.stdout ?? []) text += String(chunk);
      return parse();
    },
    stop: () => end(child, "SIGKILL"),
  };
}

/** What iperf3 may take in all: with kubectl it can wait for the other end for ever. */
const iperfMs = 20_000;

/** Gbit/s of one iperf3 run; NaN when it failed or did not end. */
export async function bulk(
  port: number,
  ...args: string[]
): Promise<{ readonly gigabits: number; readonly bytes: number }> {
  try {
    const { stdout } = await run("iperf3", ["-c", "127.0.0.1", "-p", String(port), "-J", ...args], {
      maxBuffer: 1e8,
      timeout: iperfMs,
    });
    const { sum_received } = (
      JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number; bytes: number } } }
    ).end;
    return { gigabits: sum_received.bits_per_second / 1e9, bytes: sum_received.bytes };
  } catch {
    return { gigabits: Number.NaN, bytes: Number.NaN };
  }
}

/** Samples by name, and what they come to. */
export class Figures {
  readonly #samples = new Map<string, number[]>();

  note(name: string, value: number): void {
    if (!Number.isNaN(value)) this.#samples.set(name, [...(this.#samples.get(name) ?? []), value]);
  }

  of(name: string): number {
    return median(this.#samples.get(name) ?? []);
  }
}
