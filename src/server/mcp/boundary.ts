import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import type { Answer, CallContext } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";
import { shapeAnswer } from "./answer-shape.ts";
import { errorAnswer, tried } from "./error-answer.ts";
import { parseArguments } from "./parse-arguments.ts";
import { tools, type AnyTool } from "./registry.ts";

/** Where the boundary tells what it must not tell the client: causes and stacks. The daemon's log is one. */
export interface ServerLog {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The outcome of a call: the whole answer, and whether it is an error. */
export interface Outcome {
  readonly answer: Answer;
  readonly isError: boolean;
}

const toolNames: ReadonlySet<string> = new Set(tools.map(({ name }) => name));

/** An answer as it may go out: in shape, its untrusted text clean, naming only tools that are there. */
export const told = (answer: Answer): Answer => shapeAnswer(answer, toolNames);

/** A use case may answer with an error of its own, with steps that only it knows. */
const outcome = (answer: Answer): Outcome => ({ answer: told(answer), isError: answer["error"] !== undefined });

/** Any thrown value as an error answer. Only what is ours is told; the cause goes to the log. */
export function failed(thrown: unknown, what: string, log: ServerLog): Outcome {
  const error = toConnectivityError(thrown);
  if (error.code === "internal_error") log.error({ err: error.cause ?? error, tool: what }, "a call failed inside");
  else log.debug({ code: error.code, tool: what }, "a call ended with an error");
  return outcome(errorAnswer(error, what));
}

/**
 * Runs one call of a tool: arguments checked, answer in shape and fitting the tool's output schema, everything thrown an
 * error answer. Never rejects.
 */
export async function callTool(
  tool: AnyTool,
  input: unknown,
  useCases: UseCases,
  context: CallContext,
  log: ServerLog,
): Promise<Outcome> {
  try {
    const parsed = parseArguments(tool, input);
    if (parsed.refused !== undefined) return outcome(parsed.refused);
    const done = outcome(await tool.run(useCases, parsed.args, context));
    const unfit = tool.output.safeParse(done.answer).error;
    if (unfit === undefined) return done;
    throw new ConnectivityError(
      "internal_error",
      `the answer of ${tool.name} is not what it promises`,
      {},
      { cause: unfit },
    );
  } catch (thrown) {
    return failed(thrown, tried(tool.name, input), log);
  }
}
