import * as z from "zod";
import { answerShape, records } from "#application/surface/answer-shape.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({
  only: z.enum(["problems"]).optional().describe("Only keys with a problem"),
});

/** Tool set `ssh`: the person's keys and what is wrong with them; nothing of a private half is read. */
export const inspectSshKeys: ToolDefinition<typeof input, Pick<UseCases, "inspectSshKeys">> = {
  name: "inspect_ssh_keys",
  title: "SSH keys",
  description:
    "The person's SSH keys: type, strength, age, permissions, encrypted or not, in the agent, where used, and when their certificates expire, with findings and advice (RSA under 3,072 bits, DSA, readable by others). No key is opened. New keys are the person's: portwright ssh key new or rotate.",
  input,
  output: answerShape({ keys: records.optional() }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: (useCases, args, context) => useCases.inspectSshKeys(args, context),
};
