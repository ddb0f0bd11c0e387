import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, running } from "../fault.ts";

export default defineFault({
  title: "an init container that waits for a service whose pods are not there",
  code: "no_matching_pods",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: {
        initContainers: [
          {
            name: "wait",
            image: agnhost,
            command: ["/bin/sh", "-c", "until nc -z waits-for-queue:5672; do sleep 1; done", "waits-for-queue:5672"],
          },
        ],
      },
    }),
    service(namespace, name, 80, 8080),
    service(namespace, "waits-for-queue", 5672),
  ],
  until: running,
  services: (stage) => kube(stage),
  evidence: [/waits-for-queue/],
  compound: true,
});
