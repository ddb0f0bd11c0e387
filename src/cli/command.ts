import type { Writable } from "node:stream";
import type { Terminal } from "./terminal.ts";
import type { Compose } from "#server/daemon/compose.ts";

/** Exit codes of the command line. */
export const exit = { done: 0, failed: 1, usage: 2, configuration: 3, unreachable: 4 } as const;

export const outputs = ["text", "table", "json", "yaml"] as const;
export type Output = (typeof outputs)[number];

export interface CommandOption {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly description: string;
  /** How the value is shown in the help: `FILE`. */
  readonly value?: string;
}

/** What a command may use of the process around it. */
export interface Surroundings {
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly homeDir: string;
  /** The program and arguments that run this command line again: for the daemon. */
  readonly self: readonly [string, ...string[]];
  /** Opens the person's terminal; absent: the one that controls this process. */
  readonly terminal?: (() => Terminal | undefined) | undefined;
  /** Loads and builds the application, for a process that holds the daemon's lock. */
  readonly compose: Compose;
}

/** One call of a command: what was typed, understood. */
export interface Invocation extends Surroundings {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
  /** Absolute path given by `--config`. */
  readonly config: string | undefined;
  readonly output: Output;
  /** One of the command's own `formats`, when it was asked for. */
  readonly format?: string;
  /** What followed `--`, for a command that runs another one. */
  readonly program: readonly string[];
}

export interface Command {
  /** After `portwright`: `up [ENVIRONMENT]`. */
  readonly usage: string;
  /** More than the one line of the overview. */
  readonly description: string;
  readonly examples: readonly string[];
  readonly options?: Readonly<Record<string, CommandOption>>;
  /** Values of `--output` beside the common ones. */
  readonly formats?: readonly string[];
  /** What follows `--` is a program with its arguments. */
  readonly takesProgram?: boolean;
  /** How many positional arguments at least and at most, without those of a program. */
  readonly positionals: readonly [least: number, most: number];
  /** @returns the exit code */
  run(invocation: Invocation): Promise<number>;
}

/** Something that was typed wrong: printed with the way to the help, exit code 2. */
export interface UsageProblem {
  readonly usageProblem: string;
}
