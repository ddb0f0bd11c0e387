import * as z from "zod";
import { answerShape, records } from "#application/surface/answer-shape.ts";
import { environmentName, names, serviceNames } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({
  environment: environmentName.optional(),
  services: serviceNames.optional(),
  except: names("Keep these and what they need").optional(),
  force: z.boolean().optional(),
});

/** Stops an environment, or some services; what another client wants stays up unless forced. */
export const stopEnvironment: ToolDefinition<typeof input, Pick<UseCases, "stopEnvironment">> = {
  name: "stop_environment",
  title: "Stop",
  description:
    "Stops an environment, or some services, or everything except some. What another client still wants stays up unless force. Returns what stopped and what stayed and for whom.",
  input,
  output: answerShape({ stopped: z.array(z.string()).optional(), kept: records.optional() }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: (useCases, args, context) => useCases.stopEnvironment(args, context),
};
