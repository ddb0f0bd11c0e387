import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, running } from "../fault.ts";

export default defineFault({
  title: "a readiness gate that nobody opens",
  code: "pod_not_ready",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: { readinessGates: [{ conditionType: "example.org/registered" }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: running,
  services: (stage) => kube(stage),
  evidence: [/readiness gate/],
});
