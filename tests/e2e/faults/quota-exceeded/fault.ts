import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a quota lets no pod be made",
  code: "no_matching_pods",
  ownNamespace: true,
  evidence: [/quota small is exceeded/, /pods: 0 of 0/],
  manifests: ({ namespace, name }) => [
    { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "small", namespace }, spec: { hard: { pods: "0" } } },
    deployment(namespace, name, { image: agnhost }),
    service(namespace, name, 80, 8080),
  ],
  services: (stage) => kube(stage),
  setUp: async (stage) => {
    await stage.kubectl("wait", `deployment/${stage.name}`, "--for=condition=ReplicaFailure", "--timeout=30s");
  },
});
