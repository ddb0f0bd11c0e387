import * as z from "zod";
import { serviceName } from "#application/surface/argument-shapes.ts";
import type { PromptDefinition } from "#application/surface/prompt-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const args = z.strictObject({ service: serviceName });

/** "Why is it failing?", with the diagnosis made now. */
export const whyIsItFailing: PromptDefinition<typeof args, Pick<UseCases, "diagnose" | "serviceNames">> = {
  name: "why_is_it_failing",
  title: "Why is it failing?",
  description: "Asks why a service fails, with its diagnosis as measured now: root cause, evidence, fixes.",
  arguments: args,
  complete: { service: (useCases, client) => useCases.serviceNames(client) },
  run: async (useCases, { service }, context) => ({
    says: `Why is ${JSON.stringify(service)} failing, is it my code or the connection, and what mends it?`,
    data: await useCases.diagnose({ service }, context),
  }),
};
