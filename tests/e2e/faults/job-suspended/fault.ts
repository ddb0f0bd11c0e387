import { agnhost } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a job that is held back",
  code: "scaled_to_zero",
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name, namespace },
      spec: {
        suspend: true,
        template: {
          metadata: { labels: { app: name } },
          spec: { restartPolicy: "Never", containers: [{ name: "main", image: agnhost, args: ["netexec"] }] },
        },
      },
    },
  ],
  services: (stage) => kube(stage, { type: "job", port: 8080 }),
  evidence: [/suspended/],
});
