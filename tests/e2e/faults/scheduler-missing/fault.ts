import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the pod waits for a scheduler that nobody runs",
  code: "pod_unschedulable",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: { schedulerName: "volcano" },
    }),
    service(namespace, name, 80, 8080),
  ],
  services: (stage) => kube(stage),
  evidence: [/volcano/],
  until: (pods) => pods.length > 0,
  setUp: () => new Promise((resolve) => setTimeout(resolve, 4000)),
});
