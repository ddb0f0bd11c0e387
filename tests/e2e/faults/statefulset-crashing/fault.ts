import { agnhost } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "a stateful set whose pod ends",
  code: "container_crashing",
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name, namespace },
      spec: {
        serviceName: name,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: {
            containers: [
              { name: "main", image: agnhost, imagePullPolicy: "IfNotPresent", command: ["/bin/sh", "-c", "exit 1"] },
            ],
          },
        },
      },
    },
  ],
  until: restarted(2),
  services: (stage) => kube(stage, { type: "statefulset", port: 8080 }),
  evidence: [/exit 1/],
});
