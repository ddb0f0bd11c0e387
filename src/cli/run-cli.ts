import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import type { Compose } from "#server/daemon/compose.ts";
import { commands } from "./commands.ts";
import { exit, type Surroundings } from "./command.ts";

/** Options that may stand before the command, with a value. */
const leading: ReadonlySet<string> = new Set(["--config", "--output"]);

/** Runs this process as the command line, and ends it with the exit code once everything is written. */
export async function runCli(words: readonly string[], compose: Compose): Promise<void> {
  // A reader that goes away (`portwright status | head -1`) is no failure.
  process.stdout.on("error", () => process.exit());
  process.exitCode = await execute(words, {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    homeDir: homedir(),
    self: [process.execPath, process.argv[1] ?? fileURLToPath(import.meta.url)],
    compose,
  });
}

/** One command line. Never throws. @returns the exit code */
export async function execute(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr } = surroundings;
  const { name, rest } = splitCommand(words);
  if (name === "--version" || name === "version") {
    stdout.write(`${(await import("../version.ts")).portwrightVersion}\n`);
    return exit.done;
  }
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    const { overview } = await import("./help.ts");
    (name === undefined ? stderr : stdout).write(overview());
    return name === undefined ? exit.usage : exit.done;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    const [{ nearestName }, { didYouMean }] = await Promise.all([
      import("#domain/names.ts"),
      import("./parse-command-line.ts"),
    ]);
    const what = name.startsWith("-") ? "option" : "command";
    const nearest = nearestName(name, what === "option" ? ["--help", "--version"] : Object.keys(commands));
    stderr.write(`portwright: unknown ${what} ${name}${didYouMean(nearest)}; see portwright --help\n`);
    return exit.usage;
  }
  const [command, { parseCommandLine }] = await Promise.all([entry.load(), import("./parse-command-line.ts")]);
  const invocation = await parseCommandLine(command, rest, surroundings);
  if ("usageProblem" in invocation) {
    stderr.write(`portwright ${name}: ${invocation.usageProblem}; see portwright ${name} --help\n`);
    return exit.usage;
  }
  if (invocation.options["help"] === true) {
    stdout.write((await import("./help.ts")).commandHelp(command));
    return exit.done;
  }
  try {
    return await command.run(invocation);
  } catch (error) {
    return (await import("./report-failure.ts")).reportFailure(error, invocation);
  }
}

/** The command is the first word that is no option; `--config FILE` may stand before it. */
function splitCommand(words: readonly string[]): { readonly name: string | undefined; readonly rest: string[] } {
  let index = 0;
  for (let word = words[index]; word !== undefined; word = words[index]) {
    if (leading.has(word)) index += 2;
    else if (word.startsWith("--") && leading.has(word.slice(0, word.indexOf("=")))) index += 1;
    else break;
  }
  const name = words[index];
  return { name, rest: [...words.slice(0, index), ...words.slice(index + 1)] };
}
