import { errorLines, fields, list, stepLines, summaryOf, text, untrustedLines, type Fields } from "../answer-fields.ts";
import type { Command } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";
import { render } from "../render.ts";

export const status: Command = {
  usage: "status [ENVIRONMENT] [--service NAME]…",
  description:
    "The truth about this workspace's services: state, when each was last verified through its whole path, what fails. Exit code 1 when a service that is wanted up has failed.",
  examples: ["portwright status", "portwright status dev --output json", "portwright status --include env"],
  options: {
    service: { type: "string", multiple: true, value: "NAME", description: "only this service" },
    include: {
      type: "string",
      multiple: true,
      value: "WHAT",
      description: "more: env, expiring, flaky, metadata, plans, workspaces",
    },
  },
  positionals: [0, 1],
  async run(invocation) {
    const { positionals, options } = invocation;
    const answered = await callTool(invocation, "get_status", {
      ...(positionals[0] !== undefined && { environment: positionals[0] }),
      ...(options["service"] !== undefined && { services: options["service"] }),
      ...(options["include"] !== undefined && { include: options["include"] }),
    });
    const { answer } = answered;
    await render(invocation, answer, () => ({
      summary: summaryOf(answer),
      columns: ["service", "state", "endpoint", "since", "problem"],
      rows: [...list(answer["not_ready"]).map(notReadyRow), ...readyRows(fields(answer["ready"]))],
      lines: [
        ...list(answer["env"]).map((variable) => `${text(variable["name"])}=${text(variable["value"])}`),
        ...errorLines(answer),
        ...stepLines(answer),
        ...untrustedLines(answer),
      ],
    }));
    return exitOf(answered, answer["state"] !== "failed");
  },
};

const notReadyRow = (service: Fields): string[] => [
  text(service["service"]),
  text(service["state"]),
  text(service["endpoint"]),
  service["since_s"] === undefined ? "" : `${text(service["since_s"])} s`,
  [text(service["code"]), text(service["blames"])].filter(Boolean).join(", "),
];

/** `ready` comes as columns and rows, to be short for a model. */
function readyRows(ready: Fields): string[][] {
  const columns = Array.isArray(ready["columns"]) ? ready["columns"].map(text) : [];
  const rows = Array.isArray(ready["rows"]) ? ready["rows"] : [];
  return rows.map((row: unknown) => {
    const cells = Array.isArray(row) ? (row as unknown[]) : [];
    const cell = (name: string): string => text(cells[columns.indexOf(name)]);
    const verified = cell("verified_s");
    return [
      cell("service"),
      "ready",
      cell("endpoint") || cell("port"),
      verified === "" ? "" : `verified ${verified} s ago`,
      "",
    ];
  });
}
