import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "the service's port is UDP",
  code: "not_supported",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080, { ports: [{ port: 80, targetPort: 8081, protocol: "UDP" }] }),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
});
