import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "the service leads to a port name that no container has",
  code: "target_port_missing",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { ports: [{ name: "http", containerPort: 8080 }] },
    }),
    service(namespace, name, 80, "htpp"),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
  evidence: [/http:8080/],
});
