import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, unschedulable } from "../fault.ts";

export default defineFault({
  title: "the pod wants a zone that no node is in",
  code: "pod_unschedulable",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: "zone", operator: "In", values: ["eu-1"] }] }],
            },
          },
        },
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: unschedulable,
  services: (stage) => kube(stage),
  evidence: [/zone In eu-1/],
});
