import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "an init container is killed at its memory limit",
  code: "container_oom_killed",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: {
        initContainers: [
          {
            name: "warm-up",
            image: agnhost,
            imagePullPolicy: "IfNotPresent",
            command: ["/bin/sh", "-c", "tail /dev/zero"],
            resources: { limits: { memory: "20Mi" } },
          },
        ],
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(1),
  services: (stage) => kube(stage),
  evidence: [/warm-up/, /20Mi/],
});
