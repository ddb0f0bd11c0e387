import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "the second container of the pod is killed at its memory limit",
  code: "container_oom_killed",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: {
        containers: [
          { name: "main", image: agnhost, imagePullPolicy: "IfNotPresent", args: ["netexec", "--http-port=8080"] },
          {
            name: "cache-warmer",
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
  until: waitsWith(/CrashLoop/),
  services: (stage) => kube(stage),
  evidence: [/cache-warmer/, /20Mi/],
});
