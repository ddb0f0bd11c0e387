import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, running } from "../fault.ts";

export default defineFault({
  title: "a pod that is not yet asked whether it is ready",
  code: "pod_not_ready",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { readinessProbe: { httpGet: { path: "/healthz", port: 8080 }, initialDelaySeconds: 300 } },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: running,
  services: (stage) => kube(stage),
});
