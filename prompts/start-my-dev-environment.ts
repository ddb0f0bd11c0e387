import * as z from "zod";
import { environmentName } from "#application/surface/argument-shapes.ts";
import type { PromptDefinition } from "#application/surface/prompt-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const args = z.strictObject({ environment: environmentName.optional() });

/** "Start my dev environment", with the state that it is in now. */
export const startMyDevEnvironment: PromptDefinition<typeof args, Pick<UseCases, "getStatus" | "environmentNames">> = {
  name: "start_my_dev_environment",
  title: "Start my dev environment",
  description: "Asks to start an environment, with what is up, what is not and why as measured now.",
  arguments: args,
  complete: { environment: (useCases, client) => useCases.environmentNames(client) },
  run: async (useCases, { environment }, context) => ({
    says:
      environment === undefined
        ? "Start my dev environment with start_environment and tell me what is ready, at which addresses, and what is not and why."
        : `Start my environment ${JSON.stringify(environment)} with start_environment and tell me what is ready, at which addresses, and what is not and why.`,
    data: await useCases.getStatus(environment === undefined ? {} : { environment }, context),
  }),
};
