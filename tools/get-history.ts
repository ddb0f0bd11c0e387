import * as z from "zod";
import { answerShape, record, records } from "#application/surface/answer-shape.ts";
import { handle, moment, serviceName } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const kinds = ["state", "config", "cluster", "credentials", "network", "client"] as const;

const input = z.strictObject({
  service: serviceName.optional(),
  since: moment.optional(),
  until: moment.optional(),
  kind: z.array(z.enum(kinds)).min(1).max(kinds.length).optional(),
  limit: z.int().min(1).optional(),
  cursor: handle.optional(),
});

/** The timeline of a workspace, and the difference of two moments. */
export const getHistory: ToolDefinition<typeof input, Pick<UseCases, "getHistory">> = {
  name: "get_history",
  title: "What changed",
  description:
    "The timeline of state changes, configuration, rollouts, credentials, network and who did it, and the difference of two moments. Use for 'what changed since it worked?' (since: last_ready). To go back pass a generation to configure_service.",
  input,
  output: answerShape({
    entries: records.optional(),
    difference: record.optional(),
    generations: records.optional(),
    recorded_from: z.string().optional(),
    next_cursor: z.string().optional(),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: (useCases, args, context) => useCases.getHistory(args, context),
};
