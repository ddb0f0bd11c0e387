import type { Command } from "../command.ts";

export const demo: Command = {
  usage: "demo [--keep]",
  description:
    "Starts an SSH bastion and a small shop in this process, brings the shop up through the MCP tools, breaks it, and shows what is said about it. Needs neither a cluster nor a network.",
  examples: ["portwright demo", "portwright demo --keep"],
  options: { keep: { type: "boolean", description: "leave it up, and print the line for an AI client" } },
  positionals: [0, 0],
  async run({ options }) {
    const { runDemo } = await import("../demo/index.ts");
    return runDemo(options["keep"] === true ? ["--keep"] : []);
  },
};
