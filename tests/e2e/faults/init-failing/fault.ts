import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "an init container that fails",
  code: "init_container_failing",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: {
        initContainers: [{ name: "prepare", image: agnhost, command: ["/bin/sh", "-c", "echo no schema; exit 4"] }],
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(1),
  services: (stage) => kube(stage),
  evidence: [/prepare/, /exit 4/],
});
