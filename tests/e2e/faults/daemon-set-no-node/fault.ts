import { agnhost } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a daemon set for nodes that are not there",
  code: "pod_unschedulable",
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { nodeSelector: { gpu: "yes" }, containers: [{ name: "main", image: agnhost, args: ["netexec"] }] },
        },
      },
    },
  ],
  services: (stage) => kube(stage, { type: "daemonset", port: 8080 }),
  evidence: [/gpu=yes/],
});
