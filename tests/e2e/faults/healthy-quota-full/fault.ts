import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "a quota that is used up, by pods that run",
  code: undefined,
  ownNamespace: true,
  manifests: ({ namespace, name }) => [
    { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "small", namespace }, spec: { hard: { pods: "1" } } },
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
});
