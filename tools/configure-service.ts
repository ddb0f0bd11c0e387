import * as z from "zod";
import { planShape, record } from "#application/surface/answer-shape.ts";
import { plainName, text } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const mostChanges = 100;

const change = z.strictObject({
  service: plainName.optional(),
  environment: plainName.optional(),
  set: record.optional().describe("Keys to set; null removes one"),
  target: text.optional().describe("From discover_targets, instead of connection"),
  add_to: plainName.optional().describe("Environment"),
});

const input = z.strictObject({
  changes: z.array(change).max(mostChanges).optional(),
  rollback_to: z.int().min(1).optional().describe("Generation from get_history"),
});

/** Plans a change of services and environments, or the way back to a kept generation; changes nothing. */
export const configureService: ToolDefinition<typeof input, Pick<UseCases, "configureService">> = {
  name: "configure_service",
  title: "Plan a change of configuration",
  description:
    "Defines or changes services, routes, environments, or goes back to a kept generation. Changes nothing: returns a plan for apply_plan with its effect on what runs. Keys are those of portwright.yaml (portwright://config/schema).",
  input,
  output: planShape,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: (useCases, args, context) => useCases.configureService(args, context),
};
