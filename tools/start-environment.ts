import * as z from "zod";
import { answerShape, records } from "#application/surface/answer-shape.ts";
import { environmentName, serviceNames } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({
  environment: environmentName.optional(),
  services: serviceNames.optional(),
  replace: z.boolean().optional().describe("Stop what else this workspace runs on the same ports"),
  take_over: z.boolean().optional().describe("Take a port from another of your workspaces"),
});

/** Brings an environment, or some services, up in dependency order; repeating it is safe. */
export const startEnvironment: ToolDefinition<typeof input, Pick<UseCases, "startEnvironment">> = {
  name: "start_environment",
  title: "Start an environment",
  description:
    "Brings up a declared environment, or some services, in dependency order and verifies each through its whole path. Use it for 'start my dev environment'; safe to repeat. Returns endpoints, variables and what failed and why. Without a configuration it returns a plan made from this repository: pass it to apply_plan.",
  input,
  output: answerShape({
    state: z.enum(["ready", "starting", "partial", "failed", "proposal"]).optional(),
    services: records.optional(),
    env: records.optional(),
    operation: z.string().optional(),
    plan_id: z.string().optional(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  run: (useCases, args, context) => useCases.startEnvironment(args, context),
};
