import { fields, text } from "./answer-fields.ts";
import { exit } from "./command.ts";
import type { ToolAnswer } from "./daemon-client.ts";
import { exitCodeOf } from "./report-failure.ts";

/** The exit code of a tool's answer: by the code of its error, else by whether it did what was asked. */
export function exitOf({ isError, answer }: ToolAnswer, succeeded: boolean): number {
  const code = text(fields(answer["error"])["code"]);
  if (isError || code !== "") return exitCodeOf(code);
  return succeeded ? exit.done : exit.failed;
}
