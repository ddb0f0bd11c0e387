import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a scheduling gate that nobody removes",
  code: "pod_unschedulable",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: { schedulingGates: [{ name: "example.com/quota" }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  services: (stage) => kube(stage),
  evidence: [/example.com.quota/],
  until: (pods) => pods.length > 0,
});
