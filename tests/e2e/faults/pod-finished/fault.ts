import { agnhost } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the pod that is named has done its work",
  code: "pod_gone",
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { app: name } },
      spec: {
        restartPolicy: "Never",
        containers: [
          { name: "main", image: agnhost, imagePullPolicy: "IfNotPresent", command: ["/bin/sh", "-c", "exit 0"] },
        ],
      },
    },
  ],
  until: (pods) => pods.some(({ status }) => status.phase === "Succeeded"),
  services: (stage) => kube(stage, { type: "pod", port: 8080 }),
});
