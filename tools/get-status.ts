import * as z from "zod";
import { answerShape, records } from "#application/surface/answer-shape.ts";
import { environmentName, serviceNames } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const parts = ["env", "expiring", "flaky", "metadata", "plans", "workspaces"] as const;

const input = z.strictObject({
  services: serviceNames.optional(),
  environment: environmentName.optional(),
  include: z.array(z.enum(parts)).max(parts.length).optional(),
});

/** The truth table of the client's workspace. */
export const getStatus: ToolDefinition<typeof input, Pick<UseCases, "getStatus">> = {
  name: "get_status",
  title: "Status",
  description:
    "The truth table of this workspace: state, when last verified, port, what fails, who holds it. Call it first when unsure. 'include' adds variables, expiring credentials and certificates, flaky services (drops in 24 h), cluster metadata or other workspaces.",
  input,
  output: answerShape({
    state: z.enum(["ready", "starting", "partial", "failed", "idle"]).optional(),
    not_ready: records.optional(),
    ready: z
      .strictObject({
        columns: z.array(z.string()).optional(),
        rows: z.array(z.array(z.unknown())).optional(),
      })
      .optional(),
    expiring: records.optional(),
    flaky: records.optional(),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: (useCases, args, context) => useCases.getStatus(args, context),
};
