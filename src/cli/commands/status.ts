import { errorLines, fields, list, stepLines, summaryOf, text, untrustedLines, type Fields } from "../answer-fields.ts";
import type { Command } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";
import { render, type Sheet } from "../render.ts";
import { watchStatus } from "../watch-status.ts";

export const status: Command = {
  usage: "status [ENVIRONMENT] [--service NAME]… [--watch]",
  description:
    "The truth about this workspace's services: state, when each was last verified through its whole path, what fails. Exit code 1 when a service that is wanted up has failed.",
  examples: [
    "portwright status",
    "portwright status dev --output json",
    "portwright status --include env",
    "portwright status --watch",
  ],
  options: {
    service: { type: "string", multiple: true, value: "NAME", description: "only this service" },
    watch: { type: "boolean", short: "w", description: "go on, as a live table; with --output json one object a line" },
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
    const args = {
      ...(positionals[0] !== undefined && { environment: positionals[0] }),
      ...(options["service"] !== undefined && { services: options["service"] }),
      ...(options["include"] !== undefined && { include: options["include"] }),
    };
    if (options["watch"] === true) return watchStatus(invocation, args, sheet);
    const answered = await callTool(invocation, "get_status", args);
    const { answer } = answered;
    await render(invocation, answer, () => sheet(answer));
    return exitOf(answered, answer["state"] !== "failed");
  },
};

const sheet = (answer: Fields): Sheet => ({
  summary: summaryOf(answer),
  columns: ["service", "state", "endpoint", "since", "problem"],
  rows: [...list(answer["not_ready"]).map(notReadyRow), ...readyRows(fields(answer["ready"]))],
  lines: [
    ...list(answer["env"]).map((variable) => `${text(variable["name"])}=${text(variable["value"])}`),
    ...list(answer["expiring"]).map(expiringLine),
    ...list(answer["flaky"]).map(
      (one) =>
        `flaky: ${text(one["service"])}, ${text(one["drops_24h"])} drops in 24 h, ready ${text(one["ready_percent"])} %`,
    ),
    ...(Array.isArray(answer["warnings"]) ? answer["warnings"] : []).map((warning) => `warning: ${text(warning)}`),
    ...list(answer["metadata"]).map(clusterLine),
    ...errorLines(answer),
    ...stepLines(answer),
    ...untrustedLines(answer),
  ],
});

const expiringLine = (one: Fields): string => {
  const when = one["expired"] === undefined ? `ends in ${text(one["in"])}` : `ended ${text(one["expired"])}`;
  const renew = one["renew"] === undefined ? "" : `: ${text(one["renew"])}`;
  return `expiring: ${text(one["what"])} ${when}${renew}`;
};

const clusterLine = (cluster: Fields): string =>
  [
    `cluster ${text(cluster["context"])}: ${text(cluster["version"]) || "not read"}`,
    text(cluster["provider"]),
    cluster["nodes_ready"] === undefined ? "" : `${text(cluster["nodes_ready"])} nodes ready`,
  ]
    .filter(Boolean)
    .join(", ");

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
