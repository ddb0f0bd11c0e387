import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "a sidecar crashes, so the pod is not ready",
  code: "container_crashing",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: {
        containers: [
          { name: "main", image: agnhost, imagePullPolicy: "IfNotPresent", args: ["netexec", "--http-port=8080"] },
          {
            name: "sidecar",
            image: agnhost,
            imagePullPolicy: "IfNotPresent",
            command: ["/bin/sh", "-c", "echo no upstream; exit 2"],
          },
        ],
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(2),
  services: (stage) => kube(stage),
  evidence: [/sidecar/],
});
