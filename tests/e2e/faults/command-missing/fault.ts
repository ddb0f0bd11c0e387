import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "a program that the image does not have",
  code: "container_config_error",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, container: { command: ["/no/such/program"] } }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(1),
  services: (stage) => kube(stage),
});
