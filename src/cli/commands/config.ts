import { resolve } from "node:path";
import type { ConfigReading } from "#application/ports/config-source.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ConfigProblem, Configuration } from "#domain/spec/configuration.ts";
import { exit, type Command, type Invocation } from "../command.ts";
import { didYouMean } from "../parse-command-line.ts";
import { render, type Sheet } from "../render.ts";
import { unknownAction } from "../unknown-action.ts";

export const config: Command = {
  usage: "config validate [FILE] | config schema | config init [--yes]",
  description:
    "validate reads the configuration file and prints every problem with its line, column and the nearest valid name. schema prints the JSON Schema, for an editor. Neither needs the daemon. init makes a first configuration from the compose file, the example variables and the clusters, shows it, asks, writes it and starts it.",
  examples: [
    "portwright config validate",
    "portwright config validate ./portwright.yaml --output json",
    "portwright config schema > portwright.schema.json",
    "portwright config init",
  ],
  options: { yes: { type: "boolean", description: "init: do not ask" } },
  positionals: [1, 2],
  async run(invocation) {
    const [action = ""] = invocation.positionals;
    if (action === "validate") return validate(invocation);
    if (action === "schema") return schema(invocation);
    if (action === "init") return (await import("./config-init.ts")).initConfiguration(invocation);
    return unknownAction(invocation, "config", action, ["validate", "schema", "init"]);
  },
};

async function validate(invocation: Invocation): Promise<number> {
  const { createConfigSource } = await import("#adapters/config-files/index.ts");
  const source = createConfigSource();
  const { env, cwd } = invocation;
  const lookup = (name: string): string | undefined => env[name];
  const given = invocation.positionals[1];
  const path = await source.find({
    cwd,
    lookup,
    config: given === undefined ? invocation.config : resolve(cwd, given),
  });
  if (path === undefined) {
    throw new ConnectivityError(
      "config_not_found",
      "there is no portwright.yaml or localport.yaml here or in a folder above; name one with --config",
    );
  }
  const reading = await source.read(path, lookup);
  const answer = summarise(path, reading);
  await render(invocation, answer, () => sheet(path, answer));
  return answer.valid ? exit.done : exit.configuration;
}

interface Verdict {
  readonly summary: string;
  readonly valid: boolean;
  readonly path: string;
  readonly services: readonly string[];
  readonly environments: readonly string[];
  readonly problems: readonly ConfigProblem[];
}

/** A service that cannot run as it stands (a variable is missing) does not take the others with it, and is an error all the same. */
function summarise(path: string, reading: ConfigReading): Verdict {
  const problems = reading.ok ? reading.configuration.warnings : reading.problems;
  const errors = problems.filter(({ severity }) => severity === "error");
  const { services, environments }: Pick<Configuration, "services" | "environments"> = reading.ok
    ? reading.configuration
    : { services: [], environments: [] };
  const valid = reading.ok && errors.length === 0;
  const warnings = problems.length === 0 ? "" : `, ${count(problems, "warning")}`;
  const summary = valid
    ? `${path} is valid: ${count(services, "service")}, ${count(environments, "environment")}${warnings}.`
    : `${path} is not valid: ${count(errors, "error")}.`;
  const names = { services: services.map(({ name }) => name), environments: environments.map(({ name }) => name) };
  return { summary, valid, path, ...names, problems };
}

const count = (items: readonly unknown[], noun: string): string =>
  `${items.length} ${noun}${items.length === 1 ? "" : "s"}`;

/** `file:line:column: message`, as compilers print it, so that editors and terminals can jump there. */
function sheet(path: string, { summary, problems }: Verdict): Sheet {
  return {
    summary,
    lines: problems.map(
      ({ line, column, severity, message, nearest }) =>
        `${path}:${line}:${column}: ${severity === "warning" ? "warning: " : ""}${message}${message.includes("did you mean") ? "" : didYouMean(nearest)}`,
    ),
  };
}

async function schema({ stdout }: Invocation): Promise<number> {
  const { configurationJsonSchema } = await import("#domain/spec/json-schema.ts");
  stdout.write(`${JSON.stringify(configurationJsonSchema(), undefined, 2)}\n`);
  return exit.done;
}
