import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { all, defineFault, ready, restarted } from "../fault.ts";

export default defineFault({
  title: "one of two replicas crashes, the other serves",
  code: undefined,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    // Of the same service, by its label.
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `${name}-ill`, namespace, labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          { name: "main", image: agnhost, imagePullPolicy: "IfNotPresent", command: ["/bin/sh", "-c", "exit 1"] },
        ],
      },
    },
    service(namespace, name, 80, 8080),
  ],
  until: all(ready(1), restarted(2)),
  services: (stage) => kube(stage),
});
