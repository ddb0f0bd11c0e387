import * as z from "zod";
import type { Answer, NextStep } from "#application/surface/tool-definition.ts";
import { argumentProblems, type ArgumentProblem } from "./argument-problems.ts";
import type { AnyTool } from "./registry.ts";

/** More values than any call of ours needs; checked before anything else looks at them. */
const mostValues = 2000;

function hasTooMany(input: unknown): boolean {
  let left = mostValues;
  const open = [input];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== "object" || next === null) continue;
    const items: unknown[] = Object.values(next);
    left -= items.length;
    if (left < 0) return true;
    for (const item of items) if (typeof item === "object" && item !== null) open.push(item);
  }
  return false;
}

const argumentNames = (tool: AnyTool): readonly string[] =>
  tool.input instanceof z.ZodObject ? Object.keys(tool.input.shape) : [];

/** The call as it was probably meant, when every problem is a misspelt name and the result is valid. */
function corrected(tool: AnyTool, input: unknown, problems: readonly ArgumentProblem[]): NextStep[] {
  if (typeof input !== "object" || input === null || problems.some(({ nearest }) => nearest === undefined)) return [];
  const meant = new Map(problems.map(({ argument, nearest }) => [argument, nearest]));
  const guess = Object.fromEntries(
    Object.entries(input).map(([key, value]: [string, unknown]) => {
      const one = meant.get(key);
      if (Array.isArray(value)) return [one ?? key, value.map((item, at) => meant.get(`${key}[${at}]`) ?? item)];
      // A misspelt name of an argument, or a misspelt word of its choices.
      return argumentNames(tool).includes(key) && one !== undefined ? [key, one] : [one ?? key, value];
    }),
  );
  return tool.input.safeParse(guess).success
    ? [{ tool: tool.name, arguments: guess, why: "if this is what was meant" }]
    : [];
}

function refusal(tool: AnyTool, input: unknown, problems: readonly ArgumentProblem[]): Answer {
  const said = problems.map(({ argument, problem }) =>
    argument === "" ? `the arguments ${problem}` : `${argument} ${problem}`,
  );
  const message = `${said.join("; ")}.`;
  return {
    summary: `${tool.name} was not run: ${message}`,
    error: {
      code: "invalid_arguments",
      message,
      tried: tool.name,
      likely_cause: "the call does not fit the tool's input schema",
      retryable: false,
      arguments: problems,
    },
    next_steps: corrected(tool, input, problems),
  };
}

/** The arguments of a call, checked; or the whole answer that says what is wrong with each. */
export function parseArguments(
  tool: AnyTool,
  input: unknown,
): { readonly args: unknown; readonly refused?: never } | { readonly refused: Answer } {
  if (hasTooMany(input)) {
    return { refused: refusal(tool, input, [{ argument: "", problem: `hold more than ${mostValues} values` }]) };
  }
  const parsed = tool.input.safeParse(input ?? {});
  if (parsed.success) return { args: parsed.data };
  return { refused: refusal(tool, input, argumentProblems(parsed.error, input, argumentNames(tool))) };
}
