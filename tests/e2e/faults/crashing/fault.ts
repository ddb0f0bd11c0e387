import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "a container that ends with an error",
  code: "container_crashing",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      container: { command: ["/bin/sh", "-c", "echo out of luck; exit 3"] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(2),
  services: (stage) => kube(stage),
  evidence: [/exit 3/],
});
