import { resolve } from "node:path";
import { nearestName } from "#domain/names.ts";
import {
  outputs,
  type Command,
  type Invocation,
  type Output,
  type Surroundings,
  type UsageProblem,
} from "./command.ts";
import { commonOptions } from "./help.ts";

/**
 * The words after the command's name, understood; a mistyped option comes back as a sentence that names the nearest.
 * What follows `--` is positional, whatever it looks like.
 */
export async function parseCommandLine(
  command: Command,
  words: readonly string[],
  surroundings: Surroundings,
): Promise<Invocation | UsageProblem> {
  const known = { ...command.options, ...commonOptions };
  // Loading parseArgs costs 4 ms, which `portwright mcp` can do without.
  const { values, tokens } =
    words.length === 0
      ? { values: {}, tokens: [] }
      : (await import("node:util")).parseArgs({
          args: [...words],
          options: known,
          allowPositionals: true,
          strict: false,
          tokens: true,
        });
  const positionals: string[] = [];
  const program: string[] = [];
  let ended = false;
  for (const token of tokens) {
    if (token.kind === "option-terminator") ended = true;
    if (token.kind === "positional") (ended && command.takesProgram === true ? program : positionals).push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(known, token.name) ? known[token.name as keyof typeof known] : undefined;
    if (option === undefined) {
      const nearest = nearestName(token.name, Object.keys(known));
      return { usageProblem: `unknown option ${token.rawName}${didYouMean(nearest && `--${nearest}`)}` };
    }
    if (option.type === "string" && token.value === undefined) {
      return { usageProblem: `${token.rawName} needs a value: ${token.rawName} ${commonValue(option)}` };
    }
    if (option.type === "boolean" && token.value !== undefined) {
      return { usageProblem: `${token.rawName} takes no value` };
    }
  }
  const [least, most] = command.positionals;
  if (values["help"] !== true && (positionals.length < least || positionals.length > most)) {
    return { usageProblem: `usage: portwright ${command.usage}` };
  }
  const { config, output } = values;
  const { formats = [] } = command;
  const format = formats.find((name) => name === output);
  if (output !== undefined && format === undefined && !isOutput(output)) {
    const known = [...formats, ...outputs];
    return { usageProblem: `--output is one of ${known.join(", ")}${didYouMean(nearestName(String(output), known))}` };
  }
  return {
    ...surroundings,
    positionals,
    options: values,
    config: typeof config === "string" ? resolve(surroundings.cwd, config) : undefined,
    program,
    ...(format !== undefined && { format }),
    output: isOutput(output) ? output : surroundings.stdout.isTTY === true ? "table" : "text",
  };
}

export const didYouMean = (nearest: string | undefined): string =>
  nearest === undefined || nearest === "" ? "" : ` (did you mean ${nearest}?)`;

const commonValue = (option: { readonly value?: string }): string => option.value ?? "VALUE";
const isOutput = (value: unknown): value is Output => outputs.includes(value as Output);
