import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, running } from "../fault.ts";

export default defineFault({
  title: "a readiness probe on another port than the program has",
  code: "pod_not_ready",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: {
        ports: [{ containerPort: 8080 }],
        readinessProbe: { httpGet: { path: "/healthz", port: 9090 }, periodSeconds: 1 },
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: running,
  services: (stage) => kube(stage),
  evidence: [/GET :9090/, /declares port 8080/],
});
