import * as z from "zod";
import { answerShape, record, records } from "#application/surface/answer-shape.ts";
import { handle, moment, serviceName, text } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({
  source: z.enum(["logs", "link_logs", "events", "health", "connections", "requests", "metrics", "audit"]),
  service: serviceName.optional(),
  since: moment.optional(),
  until: moment.optional(),
  around: moment.optional(),
  match: text.optional(),
  limit: z.int().min(1).optional(),
  cursor: handle.optional(),
});

/** Searches what was recorded, by service, time and text. */
export const query: ToolDefinition<typeof input, Pick<UseCases, "query">> = {
  name: "query",
  title: "Search what was recorded",
  description:
    "Searches logs (the service's own, or the link's), events, health, connections, requests through routes, metrics or the audit log, by service, time and text. Use for 'show me the logs of orders around 10:02'.",
  input,
  output: answerShape({
    rows: records.optional(),
    untrusted: record.optional(),
    recorded_from: z.string().optional(),
    total: z.int().optional(),
    next_cursor: z.string().optional(),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  run: (useCases, args, context) => useCases.query(args, context),
};
