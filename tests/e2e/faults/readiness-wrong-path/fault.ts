import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, running } from "../fault.ts";

export default defineFault({
  title: "a readiness probe that asks for a page that is not there",
  code: "pod_not_ready",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: {
        readinessProbe: { httpGet: { path: "/redirect?code=404&location=/", port: 8080 }, periodSeconds: 1 },
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: running,
  services: (stage) => kube(stage),
  evidence: [/GET :8080/],
});
