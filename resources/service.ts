import type { ResourceTemplateDefinition } from "#application/surface/resource-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

/** One service: its definition, state and last failure. */
export const service: ResourceTemplateDefinition<Pick<UseCases, "readService" | "serviceNames">> = {
  uriTemplate: "portwright://services/{name}",
  name: "service",
  title: "One service",
  description: "How one service is reached, its state, when it was last verified, and why it fails.",
  names: (useCases, client) => useCases.serviceNames(client),
  read: (useCases, client, name) => useCases.readService(client, name),
};
