import * as z from "zod";
import { answerShape, record, records } from "#application/surface/answer-shape.ts";
import { names, handle } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

/** A sentence of a plan's is shorter. */
const longestSentence = 4000;

const input = z.strictObject({
  plan_id: handle,
  confirm: z.string().min(1).max(longestSentence),
  only: names("Ids of changes; default all").optional(),
});

/** Applies a plan; the one tool that changes a configuration. */
export const applyPlan: ToolDefinition<typeof input, Pick<UseCases, "applyPlan">> = {
  name: "apply_plan",
  title: "Apply a plan",
  description:
    "Applies a plan, verifies, and restores the old state when something that worked no longer does. Show the user the plan first; 'confirm' is its confirm sentence, word for word. A restricted plan needs a person: portwright approve.",
  input,
  output: answerShape({
    outcome: z.enum(["applied", "rolled_back", "needs_person", "stale", "working"]).optional(),
    generation: z.int().optional(),
    verified: records.optional(),
    env_changed: records.optional(),
    operation: z.string().optional(),
    undo: record.optional(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  run: (useCases, args, context) => useCases.applyPlan(args, context),
};
