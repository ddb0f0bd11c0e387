import * as z from "zod";

/** An object whose keys are not spelled out in the output schema: what is in it stands in the answer itself. */
export const record = z.looseObject({});
export const records = z.array(record);

/**
 * The output schema of a tool: `summary` required, its own facts, `error` and the steps optional. Errors must fit it too,
 * because the first-line client checks `structuredContent` against it even then; so no fact of a tool may be required.
 */
export const answerShape = <S extends Record<string, z.ZodOptional>>(facts: S) =>
  z.looseObject({
    summary: z.string(),
    ...facts,
    error: record.optional(),
    next_steps: records.optional(),
    user_steps: records.optional(),
  });

/** The output schema of a tool that plans a change and makes none: what `apply_plan` takes, and what it would do. */
export const planShape = answerShape({
  plan_id: z.string().optional(),
  risk: z.enum(["low", "review", "restricted"]).optional(),
  confirm: z.string().optional(),
  changes: records.optional(),
  impact: record.optional(),
  expires_in_s: z.int().optional(),
});
