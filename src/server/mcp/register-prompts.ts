import { ProtocolError, ProtocolErrorCode, type McpServer, type ServerContext } from "@modelcontextprotocol/server";
import { argumentProblems } from "./argument-problems.ts";
import { answerText } from "./answer-text.ts";
import { failed, told } from "./boundary.ts";
import { runningCall } from "./call-context.ts";
import { matching } from "./completion.ts";
import type { Connection } from "./connection.ts";
import { prompts, type AnyPrompt } from "./registry.ts";
import { shownArguments } from "./shown-schema.ts";
import { wireSchema } from "./wire-schema.ts";

/** Codes that say that the caller named something that is not there. */
const callersFault: ReadonlySet<string> = new Set(["unknown_service", "unknown_environment", "invalid_arguments"]);

const userText = (text: string) => ({ role: "user" as const, content: { type: "text" as const, text } });

function checkedArguments(prompt: AnyPrompt, input: unknown): Record<string, unknown> {
  const parsed = prompt.arguments.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  const problems = argumentProblems(parsed.error, input, Object.keys(prompt.arguments.shape));
  const said = problems.map(({ argument, problem }) => `${argument} ${problem}`).join("; ");
  const data = { code: "invalid_arguments", arguments: problems };
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, `${prompt.name}: ${said}.`, data);
}

/** Registers every prompt: the user's sentence, then the data that was measured for it. */
export function registerPrompts(server: McpServer, connection: Connection): void {
  const { session, useCases, log } = connection;
  for (const prompt of prompts) {
    const complete = Object.fromEntries(
      Object.entries(prompt.complete ?? {}).map(([argument, names]) => [
        argument,
        async (typed: string) => matching(typed, await names(useCases, session).catch(() => [])),
      ]),
    );
    const { name, title, description } = prompt;
    const argsSchema = shownArguments(wireSchema(prompt.arguments), complete);
    server.registerPrompt(name, { title, description, argsSchema }, async (input: unknown, request: ServerContext) => {
      connection.noteClient(request);
      const args = checkedArguments(prompt, input);
      using call = runningCall(request, session);
      try {
        const { says, data } = await prompt.run(useCases, args, call.context);
        return {
          description,
          messages: [userText(`${says}\n\nMeasured by Portwright just now:\n${answerText(told(data))}`)],
        };
      } catch (thrown) {
        const { answer } = failed(thrown, name, log);
        const error = answer["error"] as { readonly code: string };
        const code = callersFault.has(error.code) ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError;
        throw new ProtocolError(code, answer.summary, error);
      }
    });
  }
}
