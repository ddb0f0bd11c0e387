import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "a container that answers for a moment, and then ends, again and again",
  code: "container_crashing",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      container: { command: ["/bin/sh", "-c", "sleep 2; echo lost the lease; exit 5"] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(2),
  services: (stage) => kube(stage),
  evidence: [/exit 5|exit code 5/],
});
