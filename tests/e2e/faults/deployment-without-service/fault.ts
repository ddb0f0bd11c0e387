import { agnhost, deployment } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "there is a deployment of that name, and no service",
  code: "resource_missing",
  evidence: [/there is a deployment/],
  manifests: ({ namespace, name }) => [deployment(namespace, name, { image: agnhost, replicas: 0 })],
  services: (stage) => kube(stage),
});
