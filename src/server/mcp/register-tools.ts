import type { CallToolResult, McpServer, ServerContext } from "@modelcontextprotocol/server";
import { answerText } from "./answer-text.ts";
import { callTool, type Outcome } from "./boundary.ts";
import { runningCall } from "./call-context.ts";
import type { Connection } from "./connection.ts";
import { toolsFor } from "./registry.ts";
import { shownSchema } from "./shown-schema.ts";
import { wireSchema } from "./wire-schema.ts";

/** The whole answer in `structuredContent`, because some clients show the model nothing else; a short text beside it. */
const toolResult = ({ answer, isError }: Outcome): CallToolResult => ({
  content: [{ type: "text", text: answerText(answer) }],
  structuredContent: answer,
  ...(isError && { isError }),
});

/** Registers every tool, and those of the sets that the client asks for, in the registry's order. */
export function registerTools(server: McpServer, connection: Connection): void {
  for (const tool of toolsFor(connection.session.hello.env["PORTWRIGHT_TOOLS"])) {
    server.registerTool(
      tool.name,
      {
        title: tool.title,
        description: tool.description,
        inputSchema: shownSchema(wireSchema(tool.input)),
        outputSchema: shownSchema(wireSchema(tool.output)),
        annotations: tool.annotations,
      },
      async (input: unknown, request: ServerContext) => {
        connection.noteClient(request);
        using call = runningCall(request, connection.session);
        return toolResult(await callTool(tool, input, connection.useCases, call.context, connection.log));
      },
    );
  }
}
