import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Terminal } from "#cli/terminal.ts";
import { execute } from "#cli/run-cli.ts";
import { composeEcho } from "./echo-composition.ts";
import type { Sandbox } from "./processes.ts";

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line in this process, over daemons with the echo application. */
export async function runCli(
  sandbox: Sandbox,
  words: readonly string[],
  options: {
    readonly terminal?: boolean;
    readonly cwd?: string;
    readonly env?: Record<string, string>;
    /** What a person types, one answer a question; absent: there is no person. */
    readonly person?: readonly string[];
  } = {},
): Promise<CliRun> {
  const stdout = sink(options.terminal === true);
  const stderr = sink(options.terminal === true);
  const typed = [...(options.person ?? [])];
  const person: Terminal = {
    show: (text) => void stderr.stream.write(text),
    ask: (question) => {
      stderr.stream.write(question);
      return Promise.resolve(typed.shift() ?? "");
    },
    askHidden: (question) => {
      stderr.stream.write(`${question}[hidden]`);
      return Promise.resolve(typed.shift() ?? "");
    },
    [Symbol.dispose]: () => undefined,
  };
  const code = await execute(words, {
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: { ...sandbox.env, ...options.env },
    cwd: options.cwd ?? sandbox.home,
    homeDir: sandbox.home,
    self: [process.execPath, fileURLToPath(new URL("daemon-entry.ts", import.meta.url))],
    compose: composeEcho,
    terminal: () => (options.person === undefined ? undefined : person),
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function sink(isTTY: boolean): { stream: Writable & { isTTY: boolean }; text(): string } {
  let text = "";
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY }), text: () => text };
}
