import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "a container killed at its memory limit",
  code: "container_oom_killed",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      container: { command: ["/bin/sh", "-c", "tail /dev/zero"], resources: { limits: { memory: "20Mi" } } },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(1),
  services: (stage) => kube(stage),
  evidence: [/OOMKilled/, /20Mi/],
});
