import * as z from "zod";
import { answerShape, records } from "#application/surface/answer-shape.ts";
import { text } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({
  target: text.describe("What is meant, or a target of discover_targets"),
  context: text.optional(),
  namespace: text.optional(),
  port: z.union([z.int().min(1).max(65_535), z.string().min(1).max(15)]).optional(),
  local_port: z.int().min(0).max(65_535).optional(),
  name: z.string().min(1).max(63).optional(),
});

/** One connection now, that no file declares. */
export const connect: ToolDefinition<typeof input, Pick<UseCases, "connect">> = {
  name: "connect",
  title: "Connect to something now",
  description:
    "An ad hoc connection that is not written to the configuration: finds the target, forwards it, verifies the protocol, returns host, port and variables. Use for 'connect me to the staging postgres'. With several matches it returns them and connects nothing. To keep it use configure_service.",
  input,
  output: answerShape({
    state: z.enum(["ready", "starting", "failed", "ambiguous"]).optional(),
    service: z.string().optional(),
    endpoint: z.string().optional(),
    env: records.optional(),
    candidates: records.optional(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  run: (useCases, args, context) => useCases.connect(args, context),
};
