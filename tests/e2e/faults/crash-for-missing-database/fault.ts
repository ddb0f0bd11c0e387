import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "the application ends at once because its database is scaled to zero",
  code: "scaled_to_zero",
  compound: true,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      container: {
        command: ["/bin/sh", "-c", "echo cannot reach the database; exit 1"],
        env: [{ name: "DATABASE_URL", value: `postgres://app:hidden-word@${name}-db:5432/app` }],
      },
    }),
    service(namespace, name, 80, 8080),
    deployment(namespace, `${name}-db`, { image: agnhost, replicas: 0 }),
    service(namespace, `${name}-db`, 5432),
  ],
  until: restarted(2),
  services: (stage) => kube(stage),
  evidence: [/DATABASE_URL/],
  never: [/hidden-word/],
});
