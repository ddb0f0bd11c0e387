import * as z from "zod";
import { answerShape } from "#application/surface/answer-shape.ts";
import { serviceName } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({
  service: serviceName,
  action: z.enum(["start", "stop", "restart", "reconnect"]),
});

/** Starts, stops, restarts or reconnects one declared service. */
export const controlService: ToolDefinition<typeof input, Pick<UseCases, "controlService">> = {
  name: "control_service",
  title: "Start, stop, restart one",
  description:
    "Start, stop, restart (new link, same definition) or reconnect (fresh credentials and connection) one declared service. For several use start_environment or stop_environment.",
  input,
  output: answerShape({
    service: z.string().optional(),
    state: z.string().optional(),
    endpoint: z.string().optional(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  run: (useCases, args, context) => useCases.controlService(args, context),
};
