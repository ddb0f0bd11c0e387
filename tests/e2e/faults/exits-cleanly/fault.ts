import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "a container that ends without an error, again and again",
  code: "container_crashing",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, container: { command: ["/bin/sh", "-c", "echo all done; exit 0"] } }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(2),
  services: (stage) => kube(stage),
  evidence: [/exit 0/],
});
