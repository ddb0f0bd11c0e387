import { McpServer } from "@modelcontextprotocol/server";
import { instructionsFor } from "./instructions.ts";
import type { Connection } from "./connection.ts";
import { tools } from "./registry.ts";
import { registerPrompts } from "./register-prompts.ts";
import { registerResources } from "./register-resources.ts";
import { registerTools } from "./register-tools.ts";

/** Lists of tools and prompts change only with the version of the daemon, so a client may keep them for a while. */
const stable = { ttlMs: 300_000, cacheScope: "private" } as const;
/** Services come and go with the configuration file. */
const passing = { ttlMs: 2000, cacheScope: "private" } as const;

const instructions = instructionsFor(new Set(tools.map(({ name }) => name)));

/** One server for one connection; the same for both eras, which the SDK tells apart. */
export function createServer(connection: Connection, version: string): McpServer {
  const server = new McpServer(
    { name: "portwright", title: "Portwright", version },
    {
      instructions,
      capabilities: {
        tools: { listChanged: false },
        resources: { listChanged: false },
        prompts: { listChanged: false },
      },
      cacheHints: {
        "tools/list": stable,
        "prompts/list": stable,
        "resources/templates/list": stable,
        "resources/list": passing,
        "server/discover": stable,
      },
      // Nothing is asked of the client, so nothing that it answers is ever checked against a schema.
      jsonSchemaValidator: {
        getValidator: () => (input) => ({
          valid: false,
          data: undefined,
          errorMessage: `not asked for: ${typeof input}`,
        }),
      },
    },
  );
  registerTools(server, connection);
  registerResources(server, connection);
  registerPrompts(server, connection);
  server.server.oninitialized = () => connection.nameClient(server.server.getClientVersion()?.name);
  return server;
}
