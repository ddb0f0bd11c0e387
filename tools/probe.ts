import * as z from "zod";
import { answerShape, record } from "#application/surface/answer-shape.ts";
import { serviceName, text } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({
  service: serviceName.optional(),
  target: text.optional().describe("host:port or URL that is declared or was discovered"),
  type: z.string().min(1).max(50).optional().describe("tcp, tls, http, postgres, redis …; default: the service's own"),
});

/** One check at one place, through the path and beside it. */
export const probe: ToolDefinition<typeof input, Pick<UseCases, "probe">> = {
  name: "probe",
  title: "Check one thing",
  description:
    "One check at one place, through the path and beside it, with timings. diagnose does more; use this to test a guess.",
  input,
  output: answerShape({
    ok: z.boolean().optional(),
    code: z.string().optional(),
    phases_ms: record.optional(),
    beside: record.optional(),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  run: (useCases, args, context) => useCases.probe(args, context),
};
