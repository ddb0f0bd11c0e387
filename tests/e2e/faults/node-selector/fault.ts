import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, unschedulable } from "../fault.ts";

export default defineFault({
  title: "a node selector that no node fits",
  code: "pod_unschedulable",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, pod: { nodeSelector: { disk: "golden" } } }),
    service(namespace, name, 80, 8080),
  ],
  until: unschedulable,
  services: (stage) => kube(stage),
  evidence: [/disk=golden/, /1 of 1 nodes/],
});
