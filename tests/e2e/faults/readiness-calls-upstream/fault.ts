import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, running } from "../fault.ts";

export default defineFault({
  title: "a readiness command that asks a database, which is scaled to zero",
  code: "scaled_to_zero",
  compound: true,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: {
        readinessProbe: { exec: { command: ["nc", "-z", "-w1", `${name}-db`, "5432"] }, periodSeconds: 2 },
      },
    }),
    service(namespace, name, 80, 8080),
    deployment(namespace, `${name}-db`, { image: agnhost, replicas: 0 }),
    service(namespace, `${name}-db`, 5432),
  ],
  until: running,
  services: (stage) => kube(stage),
  evidence: [/readiness-calls-upstream-db/, /its readinessProbe/],
});
