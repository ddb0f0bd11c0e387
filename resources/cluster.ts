import type { ResourceTemplateDefinition } from "#application/surface/resource-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

/** One cluster that services of the workspace lead to. */
export const cluster: ResourceTemplateDefinition<Pick<UseCases, "readCluster" | "clusterNames">> = {
  uriTemplate: "portwright://clusters/{name}",
  name: "cluster",
  title: "One cluster",
  description:
    "A cluster that services lead to, by its context: version, provider, nodes, namespaces, quotas, warnings, and the pods behind the services with what they ask for and use.",
  names: (useCases, client) => useCases.clusterNames(client),
  read: (useCases, client, name) => useCases.readCluster(client, name),
};
