import { commands } from "./commands.ts";
import type { Command, CommandOption } from "./command.ts";

/** Options of every command. */
export const commonOptions = {
  config: {
    type: "string",
    value: "FILE",
    description: "the configuration file; default: the nearest portwright.yaml or localport.yaml upwards from here",
  },
  output: {
    type: "string",
    value: "FORMAT",
    description: "text, table, json or yaml; default: table on a terminal, text in a pipe",
  },
  help: { type: "boolean", short: "h", description: "show this" },
} as const satisfies Record<string, CommandOption>;

const exitCodes =
  "Exit codes: 0 done, 1 the operation failed, 2 wrong usage, 3 the configuration is invalid, 4 the daemon cannot be reached.";

/** `portwright --help`. */
export function overview(): string {
  const rows = Object.entries(commands).map(([name, { summary }]): [string, string] => [name, summary]);
  return [
    "portwright keeps a developer's connections alive (Kubernetes port-forwards, SSH tunnels) and explains why one fails.",
    "",
    "Usage: portwright COMMAND [OPTIONS]",
    "",
    columns(rows),
    "",
    columns([
      ["--version", "show the version"],
      ["--help", "show this; after a command: its options and examples"],
    ]),
    "",
    "Examples:",
    "  portwright demo",
    "  portwright up dev",
    "  portwright status --output json",
    "",
    exitCodes,
    "",
  ].join("\n");
}

/** `portwright COMMAND --help`. */
export function commandHelp({ usage, description, examples, options = {} }: Command): string {
  const all: Readonly<Record<string, CommandOption>> = { ...options, ...commonOptions };
  const rows = Object.entries(all).map(([name, option]): [string, string] => [
    `${option.short === undefined ? "" : `-${option.short}, `}--${name}${option.value === undefined ? "" : ` ${option.value}`}`,
    option.description,
  ]);
  return [
    `Usage: portwright ${usage}`,
    "",
    description,
    "",
    "Options:",
    columns(rows),
    "",
    "Examples:",
    ...examples.map((example) => `  ${example}`),
    "",
    exitCodes,
    "",
  ].join("\n");
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
