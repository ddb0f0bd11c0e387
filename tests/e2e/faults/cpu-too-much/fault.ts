import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, unschedulable } from "../fault.ts";

export default defineFault({
  title: "more CPU than any node has",
  code: "pod_unschedulable",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, container: { resources: { requests: { cpu: "64" } } } }),
    service(namespace, name, 80, 8080),
  ],
  until: unschedulable,
  services: (stage) => kube(stage),
  evidence: [/asks for 64 cpu/],
});
