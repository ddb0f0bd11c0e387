import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Command } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";

export const call: Command = {
  usage: "call TOOL [JSON] [--tools SET]",
  description:
    "Calls one tool as an AI client does, and prints the structured answer as JSON, whatever --output says. JSON holds the arguments; - reads them from stdin. Exit code 0 when the tool answered; when the answer is an error 1, or 2 for wrong arguments and 3 for an invalid configuration.",
  examples: [
    "portwright call get_status",
    `portwright call start_environment '{"environment": "dev"}'`,
    `echo '{"service": "db"}' | portwright call diagnose -`,
    "portwright call inspect_ssh_keys --tools ssh",
  ],
  options: {
    tools: { type: "string", value: "SET", description: "further tools, as for portwright mcp: ssh" },
  },
  positionals: [1, 2],
  async run(invocation) {
    const [tool = "", json = "{}"] = invocation.positionals;
    const args = parseArguments(json === "-" ? await readAll() : json);
    const { tools } = invocation.options;
    // It travels as the variable that a client may set as well.
    const env = typeof tools === "string" ? { ...invocation.env, PORTWRIGHT_TOOLS: tools } : invocation.env;
    const answered = await callTool({ ...invocation, env }, tool, args);
    invocation.stdout.write(`${JSON.stringify(answered.answer, undefined, 2)}\n`);
    return exitOf(answered, true);
  },
};

function parseArguments(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConnectivityError(
      "invalid_arguments",
      `the arguments must be one JSON object, such as '{"service": "db"}'`,
    );
  }
  return value as Record<string, unknown>;
}

async function readAll(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk as string;
  return text;
}
