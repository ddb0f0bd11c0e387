import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, unschedulable } from "../fault.ts";

export default defineFault({
  title: "a volume claim that is not there",
  code: "pod_unschedulable",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      pod: { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "nowhere" } }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: unschedulable,
  services: (stage) => kube(stage),
  evidence: [/claim nowhere does not exist/],
});
