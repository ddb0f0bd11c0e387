import * as z from "zod";
import { planShape } from "#application/surface/answer-shape.ts";
import { serviceName } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({ service: serviceName });

/** Plans the removal of a service's definition; changes nothing. */
export const removeService: ToolDefinition<typeof input, Pick<UseCases, "removeService">> = {
  name: "remove_service",
  title: "Plan the removal of a service",
  description:
    "Removes a definition. Changes nothing: returns a plan for apply_plan that names what depends on it. To stop without removing use stop_environment.",
  input,
  output: planShape,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: (useCases, args, context) => useCases.removeService(args, context),
};
