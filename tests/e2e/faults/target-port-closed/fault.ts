import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "the service leads to a port that nothing listens on",
  code: "target_port_closed",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { ports: [{ containerPort: 8080 }] },
    }),
    service(namespace, name, 80, 9999),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
  evidence: [/port 9999/, /declare port 8080/],
});
