import * as z from "zod";
import { answerShape, record, records } from "#application/surface/answer-shape.ts";
import { environmentName, serviceName } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({
  service: serviceName.optional(),
  environment: environmentName.optional(),
  detail: z.enum(["concise", "full"]).optional(),
});

/** Walks the ladder of one service, or ranks the causes over all. */
export const diagnose: ToolDefinition<typeof input, Pick<UseCases, "diagnose">> = {
  name: "diagnose",
  title: "Say why something fails",
  description:
    "Walks configuration, local port, credentials, cluster or SSH, workload, target and application, names the root cause with evidence, whose side it is on, and complete fixes. Without a service it ranks causes over everything. Use for 'why is X failing', 'is it my code or the network', 'my token expired'.",
  input,
  output: answerShape({
    service: z.string().optional(),
    status: z.enum(["healthy", "found", "several", "unknown"]).optional(),
    healthy: z.boolean().optional(),
    side: z.enum(["you", "network", "platform", "service", "none"]).optional(),
    root_cause: record.optional(),
    other_causes: records.optional(),
    contributing: records.optional(),
    ladder: records.optional(),
    ruled_out: z.array(z.string()).optional(),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  run: (useCases, args, context) => useCases.diagnose(args, context),
};
