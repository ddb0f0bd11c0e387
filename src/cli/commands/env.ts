import { exportFormats, renderExports, type ExportFormat } from "#domain/exports-rendering.ts";
import type { Command } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { requireVariables, resolvedVariables } from "../environment-variables.ts";
import { exitOf } from "../finish.ts";
import { render } from "../render.ts";
import { summaryOf } from "../answer-fields.ts";

export const env: Command = {
  usage: "env [ENVIRONMENT]",
  description:
    "Prints the variables that the services of an environment export, with their secrets, for programs. Formats beside the usual: dotenv and shell. Nothing is started.",
  examples: [
    "portwright env dev --output dotenv > .env.local",
    'eval "$(portwright env dev --output shell)"',
    "portwright env --output json",
  ],
  formats: exportFormats,
  positionals: [0, 1],
  async run(invocation) {
    const [environment] = invocation.positionals;
    const args = { include: ["env"], ...(environment !== undefined && { environment }) };
    const answered = await callTool(invocation, "get_status", args);
    const { answer } = answered;
    if (answered.isError) {
      await render(invocation, answer, () => ({ summary: summaryOf(answer) }));
      return exitOf(answered, false);
    }
    const variables = await resolvedVariables(invocation, answer);
    requireVariables(variables);
    const { format = "dotenv", output } = invocation;
    if (output === "yaml")
      await render(invocation, Object.fromEntries(variables.map(({ name, value }) => [name, value])), () => ({
        summary: "",
      }));
    else invocation.stdout.write(renderExports(variables, format as ExportFormat));
    return exitOf(answered, true);
  },
};
