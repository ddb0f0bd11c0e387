import { errorLines, fields, list, stepLines, summaryOf, text, untrustedLines, type Fields } from "../answer-fields.ts";
import type { Command } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";
import { givenOptions } from "../given-options.ts";
import { render } from "../render.ts";

export const discover: Command = {
  usage: "discover [WHAT] [--context NAME] [--namespace NAME] [--kind KIND] [--limit NUMBER]",
  description:
    "What can be connected, by name, kind or port: services, workloads and pods of the kubeconfig's clusters, SSH hosts, listeners of this machine, compose services. Says what could not be read. `portwright connect` takes each target as it is printed.",
  examples: [
    "portwright discover",
    "portwright discover 'postgres in staging'",
    "portwright discover 5432 --kind local",
  ],
  options: {
    context: { type: "string", value: "NAME", description: "only this context" },
    namespace: { type: "string", value: "NAME", description: "only this namespace" },
    kind: { type: "string", value: "KIND", description: "kubernetes, ssh, local or compose" },
    limit: { type: "string", value: "NUMBER", description: "at most so many; default: 20" },
    cursor: { type: "string", value: "CURSOR", description: "go on where the last answer ended" },
  },
  positionals: [0, 20],
  async run(invocation) {
    const { positionals, options } = invocation;
    const answered = await callTool(invocation, "discover_targets", {
      ...(positionals.length > 0 && { query: positionals.join(" ") }),
      ...givenOptions(options, ["context", "namespace", "kind", "cursor", "limit"]),
    });
    const { answer } = answered;
    await render(invocation, answer, () => ({
      summary: summaryOf(answer),
      columns: ["target", "protocol", "ready", "found by"],
      rows: list(answer["targets"]).map((row) => [
        text(row["target"]),
        text(row["protocol"]),
        text(row["pods_ready"]),
        text(row["why"]),
      ]),
      lines: [
        ...list(answer["contexts"]).map(contextLine),
        ...list(answer["unreadable"]).map((one) => `not read: ${text(one["what"])}: ${text(one["why"])}`),
        ...(answer["next_cursor"] === undefined ? [] : [`more: --cursor ${text(answer["next_cursor"])}`]),
        ...errorLines(answer),
        ...stepLines(answer),
        ...untrustedLines(answer),
      ],
    }));
    return exitOf(answered, true);
  },
};

const contextLine = (context: Fields): string => {
  const namespaces = Array.isArray(context["namespaces"]) ? `: ${context["namespaces"].map(text).join(", ")}` : "";
  return `context ${text(context["context"])}${context["current"] === true ? " (current)" : ""}${namespaces}`;
};

/** One connection now. */
export const connect: Command = {
  usage: "connect WHAT [--context NAME] [--namespace NAME] [--port PORT] [--local-port PORT] [--name NAME]",
  description:
    "Finds what is meant, forwards it and verifies its protocol; no file is changed. With several that fit it prints them and connects nothing. It stays up until `portwright down --service NAME`.",
  examples: ["portwright connect 'postgres in staging'", "portwright connect staging/data/service/postgres:5432"],
  options: {
    context: { type: "string", value: "NAME", description: "only this context" },
    namespace: { type: "string", value: "NAME", description: "only this namespace" },
    port: { type: "string", value: "PORT", description: "a number, or the name of a port" },
    "local-port": { type: "string", value: "PORT", description: "default: a free one, remembered" },
    name: { type: "string", value: "NAME", description: "of the connection; default: the target's" },
  },
  positionals: [1, 20],
  async run(invocation) {
    const { positionals, options } = invocation;
    const localPort = options["local-port"];
    const answered = await callTool(invocation, "connect", {
      target: positionals.join(" "),
      ...givenOptions(options, ["context", "namespace", "port", "name"]),
      ...(localPort !== undefined && { local_port: Number(localPort) }),
    });
    const { answer } = answered;
    await render(invocation, answer, () => ({
      summary: summaryOf(answer),
      columns: ["service", "state", "endpoint", "verified by"],
      rows: list(answer["candidates"]).length > 0 ? [] : [connectionRow(answer)],
      lines: [
        ...list(answer["candidates"]).map((row) => `  ${text(row["target"])}  (${text(row["why"])})`),
        ...list(answer["env"]).map((variable) => `${text(variable["name"])}=${text(variable["value"])}`),
        ...errorLines(answer),
        ...stepLines(answer),
        ...untrustedLines(answer),
      ],
    }));
    return exitOf(answered, answer["state"] === "ready");
  },
};

const connectionRow = (answer: Fields): string[] => [
  text(answer["service"] ?? answer["target"]),
  text(answer["state"]),
  text(answer["endpoint"]),
  text(fields(answer["verified"])["by"]),
];
