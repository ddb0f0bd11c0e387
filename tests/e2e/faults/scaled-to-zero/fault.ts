import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the deployment behind the service is scaled to zero",
  code: "scaled_to_zero",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, replicas: 0 }),
    service(namespace, name, 80, 8080),
  ],
  services: (stage) => kube(stage),
  evidence: [/scale deployment\/scaled-to-zero --replicas/],
});
