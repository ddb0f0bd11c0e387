import { errorLines, fields, list, stepLines, summaryOf, text, untrustedLines, type Fields } from "../answer-fields.ts";
import type { Command } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";
import { render } from "../render.ts";

export const diagnose: Command = {
  usage: "diagnose [SERVICE]",
  description:
    "Walks from the configuration to the application behind the connection, and names the cause of a failure with its evidence; without a service, the causes over the whole environment. Exit code 0 when the service is healthy, 1 when not.",
  examples: [
    "portwright diagnose payments",
    "portwright diagnose",
    "portwright diagnose payments --full --output json",
  ],
  options: { full: { type: "boolean", description: "all evidence, also of what was ruled out" } },
  positionals: [0, 1],
  async run(invocation) {
    const [service] = invocation.positionals;
    const answered = await callTool(invocation, "diagnose", {
      ...(service !== undefined && { service }),
      ...(invocation.options["full"] === true && { detail: "full" }),
    });
    const { answer } = answered;
    await render(invocation, answer, () => ({
      summary: summaryOf(answer),
      columns: ["rung", "status", "detail", "ms"],
      rows: list(answer["ladder"]).map((rung) => [rung["rung"], rung["status"], rung["detail"], rung["ms"]].map(text)),
      lines: [
        ...causeLines(fields(answer["root_cause"])),
        ...errorLines(answer),
        ...stepLines(answer),
        ...untrustedLines(answer),
      ],
    }));
    return exitOf(answered, answer["healthy"] === true);
  },
};

function causeLines(cause: Fields): string[] {
  if (text(cause["code"]) === "") return [];
  return [
    `${text(cause["code"])}: ${text(cause["message"])}`,
    ...list(cause["evidence"]).map(
      (item) => `  ${text(item["fact"])}: ${text(item["value"])} (${text(item["source"])})`,
    ),
  ];
}
