import type { Invocation } from "./command.ts";
import { callTool, type ToolAnswer } from "./daemon-client.ts";

/** Starts an environment, or services, and waits for the outcome. A tool answers within 25 s; starting may take longer: it is asked again, and what is under way goes on. */
export async function startAndWait(invocation: Invocation): Promise<ToolAnswer> {
  const { positionals, options } = invocation;
  const args = {
    ...(positionals[0] !== undefined && { environment: positionals[0] }),
    ...(options["service"] !== undefined && { services: options["service"] }),
    ...(options["replace"] === true && { replace: true }),
    ...(options["take-over"] === true && { take_over: true }),
  };
  let answered = await callTool(invocation, "start_environment", args);
  while (!answered.isError && answered.answer["state"] === "starting") {
    answered = await callTool(invocation, "start_environment", args);
  }
  return answered;
}
