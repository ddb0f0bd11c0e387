import { service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the service lies in another namespace",
  code: "resource_missing",
  ownNamespace: true,
  evidence: [/namespace pw-faults/],
  manifests: ({ namespace, name }) => [service(namespace, name, 80)],
  services: (stage) => kube(stage, { namespace: "default" }),
});
