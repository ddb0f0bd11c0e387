import { agnhost } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a job that gave up",
  code: "pod_gone",
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name, namespace },
      spec: {
        backoffLimit: 0,
        template: {
          metadata: { labels: { app: name } },
          spec: {
            restartPolicy: "Never",
            containers: [
              { name: "main", image: agnhost, imagePullPolicy: "IfNotPresent", command: ["/bin/sh", "-c", "exit 1"] },
            ],
          },
        },
      },
    },
  ],
  until: (pods) => pods.some(({ status }) => status.phase === "Failed"),
  services: (stage) => kube(stage, { type: "job", port: 8080 }),
});
