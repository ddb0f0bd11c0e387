import { runShimProcess } from "#shim/shim-process.ts";
import type { Command } from "../command.ts";
import { daemonPlace } from "#shim/daemon-place.ts";

export const mcp: Command = {
  usage: "mcp [--no-daemon] [--tools SET]",
  description:
    "Serves MCP on stdin and stdout: the command that mcp.json names. Starts the background process when none runs, so that several clients share one set of connections, which outlive them.",
  examples: [
    "portwright mcp",
    "portwright mcp --tools ssh",
    "portwright mcp --config ./portwright.yaml",
    "portwright mcp --no-daemon",
  ],
  options: {
    tools: { type: "string", value: "SET", description: "further tools for this client: ssh" },
    "no-daemon": { type: "boolean", description: "serve everything in this process; refused while the daemon runs" },
  },
  positionals: [0, 0],
  async run(invocation) {
    const { tools, "no-daemon": alone } = invocation.options;
    // It travels as the variable that a client may set as well.
    const env = typeof tools === "string" ? { ...invocation.env, PORTWRIGHT_TOOLS: tools } : invocation.env;
    const asked = { ...invocation, env };
    if (alone === true) return (await import("./mcp-alone.ts")).serveAlone(asked);
    return runShimProcess({ place: daemonPlace(asked), config: invocation.config });
  },
};
