import * as z from "zod";
import { answerShape, record } from "#application/surface/answer-shape.ts";
import { handle, serviceName, text } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

/** Under the 60 s after which common clients give a call up. */
const longestWaitS = 50;

const input = z.strictObject({
  operation: handle.optional(),
  service: serviceName.optional(),
  state: z.enum(["ready", "failed", "stopped"]).optional(),
  event: handle.optional(),
  match: text.optional().describe("Text in a log line"),
  timeout_s: z.int().min(0).max(longestWaitS).optional(),
});

/** Waits for a state, an event, a log line or an operation; resumable by the same call. */
export const waitFor: ToolDefinition<typeof input, Pick<UseCases, "waitFor">> = {
  name: "wait_for",
  title: "Wait",
  description:
    "Waits for a state, an event, a log line or a running operation, at most 50 s; call again with the same arguments to go on. Use instead of polling.",
  input,
  output: answerShape({
    done: z.boolean().optional(),
    state: z.string().optional(),
    seen: record.optional(),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: (useCases, args, context) => useCases.waitFor(args, context),
};
