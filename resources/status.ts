import type { ResourceDefinition } from "#application/surface/resource-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

/** The truth table of the client's workspace. */
export const status: ResourceDefinition<Pick<UseCases, "readStatus">> = {
  uri: "portwright://status",
  name: "status",
  title: "Status of this workspace",
  description: "Every service of this workspace: state, when last verified, port, what fails.",
  read: (useCases, client) => useCases.readStatus(client),
};
