import { expect } from "vitest";
import type { Answer } from "#application/surface/tool-definition.ts";
import { tools } from "../../src/server/mcp/registry.ts";

/** Fails unless the answer's next steps are at most three calls of tools that are there, with arguments that they take. */
export function assertNextStepsValid(answer: Answer | Readonly<Record<string, unknown>>): void {
  const steps = ((answer as Answer).next_steps ?? []).map((step) => step);
  expect(steps.length).toBeLessThanOrEqual(3);
  for (const { tool: name, arguments: args, why } of steps) {
    const tool = tools.find((one) => one.name === name);
    const problem = tool === undefined ? "no such tool" : tool.input.safeParse(args).error?.message;
    expect({ name, args, problem }).toEqual({ name, args, problem: undefined });
    expect(why).toMatch(/\S/);
  }
}
