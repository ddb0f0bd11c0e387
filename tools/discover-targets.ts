import * as z from "zod";
import { answerShape, records } from "#application/surface/answer-shape.ts";
import { handle, text } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({
  query: text.optional().describe("Name, kind or port: 'redis', 'postgres in staging', '5432'"),
  context: text.optional(),
  namespace: text.optional(),
  kind: z.enum(["kubernetes", "ssh", "local", "compose"]).optional(),
  limit: z.int().min(1).max(100).optional(),
  cursor: handle.optional(),
});

/** What can be connected. */
export const discoverTargets: ToolDefinition<typeof input, Pick<UseCases, "discoverTargets">> = {
  name: "discover_targets",
  title: "Find what can be connected",
  description:
    "Searches contexts, namespaces, services, workloads, SSH hosts, local listeners and compose files for a name or port. Use before configure_service when the target is not known; never needed before connect. Returns ranked targets that connect and configure_service accept as they are, and what could not be read.",
  input,
  output: answerShape({
    targets: records.optional(),
    unreadable: records.optional(),
    next_cursor: z.string().optional(),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  run: (useCases, args, context) => useCases.discoverTargets(args, context),
};
