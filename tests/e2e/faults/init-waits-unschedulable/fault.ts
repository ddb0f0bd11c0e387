import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, all, running, unschedulable } from "../fault.ts";

export default defineFault({
  title: "an init container waits for a database whose pod no node takes",
  code: "pod_unschedulable",
  compound: true,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: {
        initContainers: [
          {
            name: "wait-for-db",
            image: agnhost,
            imagePullPolicy: "IfNotPresent",
            command: ["/bin/sh", "-c", `until nc -z ${name}-db 5432; do sleep 1; done`],
          },
        ],
      },
    }),
    service(namespace, name, 80, 8080),
    deployment(namespace, `${name}-db`, { image: agnhost, pod: { nodeSelector: { disk: "nvme" } } }),
    service(namespace, `${name}-db`, 5432),
  ],
  until: all(running, unschedulable),
  services: (stage) => kube(stage),
  evidence: [/init-waits-unschedulable-db/],
});
