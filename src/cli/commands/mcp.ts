import { runShimProcess } from "#shim/shim-process.ts";
import type { Command } from "../command.ts";
import { daemonPlace } from "#shim/daemon-place.ts";

export const mcp: Command = {
  usage: "mcp [--no-daemon]",
  description:
    "Serves MCP on stdin and stdout: the command that mcp.json names. Starts the background process when none runs, so that several clients share one set of connections, which outlive them.",
  examples: ["portwright mcp", "portwright mcp --config ./portwright.yaml", "portwright mcp --no-daemon"],
  options: {
    "no-daemon": { type: "boolean", description: "serve everything in this process; refused while the daemon runs" },
  },
  positionals: [0, 0],
  async run(invocation) {
    if (invocation.options["no-daemon"] === true) return (await import("./mcp-alone.ts")).serveAlone(invocation);
    return runShimProcess({ place: daemonPlace(invocation), config: invocation.config });
  },
};
