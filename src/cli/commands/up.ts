import {
  errorLines,
  fields,
  list,
  stepLines,
  summaryOf,
  text,
  untrustedLines,
  verification,
  type Fields,
} from "../answer-fields.ts";
import type { Command } from "../command.ts";
import { exitOf } from "../finish.ts";
import { render, type Sheet } from "../render.ts";
import { startAndWait } from "../start-and-wait.ts";

export const up: Command = {
  usage: "up [ENVIRONMENT] [--service NAME]…",
  description:
    "Starts an environment in dependency order, waits until each service is verified through its whole path, and shows endpoints and variables. What is up already stays as it is. It stays up after this command ends.",
  examples: [
    "portwright up",
    "portwright up dev",
    "portwright up --service db --service cache",
    "portwright up --output json",
  ],
  options: {
    service: { type: "string", multiple: true, value: "NAME", description: "only this service and what it needs" },
    replace: { type: "boolean", description: "stop what else this workspace runs on the same ports" },
    "take-over": { type: "boolean", description: "take a port from another of your workspaces" },
  },
  positionals: [0, 1],
  async run(invocation) {
    const answered = await startAndWait(invocation);
    await render(invocation, answered.answer, () => sheet(answered.answer));
    return exitOf(answered, answered.answer["state"] === "ready");
  },
};

function sheet(answer: Fields): Sheet {
  return {
    summary: summaryOf(answer),
    columns: ["service", "state", "endpoint", "verified by", "problem"],
    rows: list(answer["services"]).map((service) => [
      text(service["service"]),
      text(service["state"]),
      text(service["endpoint"] ?? service["target"]),
      verification(service["verified"]),
      [text(service["code"]), text(service["blames"])].filter(Boolean).join(", "),
    ]),
    lines: [
      ...list(answer["env"]).map(variableLine),
      ...errorLines(answer),
      ...stepLines(answer),
      ...untrustedLines(answer),
    ],
  };
}

function variableLine(variable: Fields): string {
  const givenBy = text(fields(variable["secret"])["given_by"]);
  const assignment = `${text(variable["name"])}=${text(variable["value"])}`;
  return givenBy === "" ? assignment : `${assignment}  (its secret is given by ${givenBy})`;
}
