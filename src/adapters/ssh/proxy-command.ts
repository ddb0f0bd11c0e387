import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { Duplex, type Readable, type Writable } from "node:stream";
import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import { errnoOf } from "./errors.ts";

/** What a program says when it fails is evidence, not a log. */
const stderrKept = 2048;

/**
 * The words of a `ProxyCommand` that is one program with arguments; `undefined` where only a shell can run it. Quotes as
 * in a shell; a leading `exec` is dropped.
 */
export function proxyWords(line: string): readonly [program: string, ...rest: string[]] | undefined {
  const words: string[] = [];
  const token = /\s+|'([^']*)'|"([^"\\$`]*)"|([^\s'"\\|&;<>()$`*?[\]#~{}!]+)/y;
  let inWord = false;
  while (token.lastIndex < line.length) {
    const match = token.exec(line);
    if (!match) return undefined;
    const text = match[1] ?? match[2] ?? match[3];
    if (text === undefined) inWord = false;
    else if (inWord) words.push((words.pop() ?? "") + text);
    else {
      words.push(text);
      inWord = true;
    }
  }
  const [program, ...rest] = words[0] === "exec" ? words.slice(1) : words;
  // `NAME=value program` sets a variable: a shell's business.
  return program === undefined || program === "" || program.includes("=") ? undefined : [program, ...rest];
}

/** By a program's standard input and output, as `ProxyCommand` of the person's own `~/.ssh/config` asks for. */
export function proxyCommandRoute(words: readonly [string, ...string[]], access: Access): Route {
  const [program, ...rest] = words;
  return {
    via: `program ${program}`,
    key: JSON.stringify(["ProxyCommand", ...words]),
    connect: (_to, { signal }) => start(program, rest, access, signal),
  };
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

async function start(program: string, rest: string[], access: Access, signal: AbortSignal): Promise<Duplex> {
  signal.throwIfAborted();
  const options = { env: access.environment(), cwd: access.homeDir, detached: true, windowsHide: true };
  const child = spawn(program, rest, { ...options, stdio: ["pipe", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (bytes: Buffer) => {
    stderr = (stderr + bytes.toString("utf8")).slice(0, stderrKept);
  });
  const failure = (facts: Facts, cause?: unknown): ConnectivityError =>
    new ConnectivityError(
      "host_unreachable",
      `the program that ~/.ssh/config reaches the host by (ProxyCommand) failed`,
      { program, ...facts },
      { cause, ...(stderr !== "" && { untrusted: stderr }) },
    );
  try {
    await once(child, "spawn");
  } catch (error) {
    const errno = errnoOf(error);
    throw failure(errno === undefined ? {} : { errno }, error);
  }
  return new ProgramStream(child, failure);
}

/** A program as a stream. It ends with the stream, and the stream with it: with an error unless the program ended well. */
class ProgramStream extends Duplex {
  readonly #child: Child;

  constructor(child: Child, failure: (facts: Facts) => ConnectivityError) {
    super({ allowHalfOpen: false });
    this.#child = child;
    child.stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stdin.on("error", () => undefined);
    child.stdout.on("error", () => undefined);
    // `close` follows the last output.
    child.once("close", (code, signal) => {
      if (code === 0) this.push(null);
      else this.destroy(failure({ ...(code !== null && { exit_code: code }), ...(signal !== null && { signal }) }));
    });
    this.on("error", () => undefined);
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    // A pipe that the program closed: its end says why.
    this.#child.stdin.write(chunk, () => callback());
  }

  override _final(callback: () => void): void {
    this.#child.stdin.end(callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const { pid, exitCode, signalCode } = this.#child;
    try {
      // The whole group: what it started itself as well.
      if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGTERM");
    } catch {
      // Ended meanwhile.
    }
    callback(error);
  }
}
