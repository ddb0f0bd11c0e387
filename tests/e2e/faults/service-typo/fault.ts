import { service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the service's name is misspelt",
  code: "resource_missing",
  evidence: [/healthy-web|service-typo-right/],
  manifests: ({ namespace, name }) => [service(namespace, `${name}-right`, 80)],
  services: (stage) => kube(stage, { resource: `${stage.name}-rihgt` }),
});
