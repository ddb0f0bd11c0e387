import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "a liveness probe on another port, which kills the container again and again",
  code: "container_crashing",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: {
        ports: [{ containerPort: 8080 }],
        livenessProbe: { httpGet: { path: "/healthz", port: 9090 }, periodSeconds: 1, failureThreshold: 1 },
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(2),
  services: (stage) => kube(stage),
  evidence: [/liveness probe/, /9090/],
});
