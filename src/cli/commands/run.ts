import { spawn } from "node:child_process";
import { constants } from "node:os";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { errorLines, stepLines, summaryOf } from "../answer-fields.ts";
import { exit, type Command, type Invocation } from "../command.ts";
import { resolvedVariables } from "../environment-variables.ts";
import { exitOf } from "../finish.ts";
import { startAndWait } from "../start-and-wait.ts";

export const run: Command = {
  usage: "run [ENVIRONMENT] -- COMMAND [ARGUMENT]…",
  description:
    "Starts an environment, waits until it is ready, and runs a command with the variables that its services export, secrets included. Only that command gets them. The environment stays up after it. Exit code: the command's; 1 when the environment is not ready.",
  examples: ["portwright run dev -- npm start", "portwright run -- env", "portwright run dev --partial -- make test"],
  options: { partial: { type: "boolean", description: "run it also when not every service is ready" } },
  positionals: [0, 1],
  takesProgram: true,
  async run(invocation) {
    const [program, ...rest] = invocation.program;
    if (program === undefined) {
      throw new ConnectivityError(
        "invalid_arguments",
        "say what to run after --, such as: portwright run dev -- npm start",
      );
    }
    const answered = await startAndWait(invocation);
    const { answer } = answered;
    const ready = answer["state"] === "ready";
    if (answered.isError || (!ready && invocation.options["partial"] !== true)) {
      const lines = [summaryOf(answer), ...errorLines(answer), ...stepLines(answer)];
      invocation.stderr.write(lines.map((line) => `portwright: ${line}\n`).join(""));
      return exitOf(answered, false);
    }
    const variables = await resolvedVariables(invocation, answer);
    return runProgram(invocation, program, rest, Object.fromEntries(variables.map(({ name, value }) => [name, value])));
  },
};

/** Runs it on this terminal, without a shell; signals that end us are its to answer. */
function runProgram(
  { env, cwd, stderr }: Invocation,
  program: string,
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<number> {
  const child = spawn(program, words, { cwd, env: { ...env, ...variables }, stdio: "inherit" });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  // A terminal sends Ctrl-C to both: the program decides what to do about it.
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, forward);
  return new Promise((resolve) => {
    const end = (code: number): void => {
      for (const signal of signals) process.off(signal, forward);
      resolve(code);
    };
    child.once("error", (error: NodeJS.ErrnoException) => {
      stderr.write(
        `portwright: ${program} cannot be run: ${error.code === "ENOENT" ? "there is no such program" : (error.code ?? "it failed")}\n`,
      );
      // What shells answer: 127 not found, 126 not to be run.
      end(error.code === "ENOENT" ? 127 : 126);
    });
    child.once("exit", (code, signal) => end(code ?? (signal ? 128 + constants.signals[signal] : exit.failed)));
  });
}
