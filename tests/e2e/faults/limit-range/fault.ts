import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a limit range of the namespace forbids the pods",
  code: "no_matching_pods",
  ownNamespace: true,
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "v1",
      kind: "LimitRange",
      metadata: { name, namespace },
      spec: { limits: [{ type: "Container", max: { memory: "10Mi" } }] },
    },
    deployment(namespace, name, { image: agnhost, container: { resources: { limits: { memory: "64Mi" } } } }),
    service(namespace, name, 80, 8080),
  ],
  setUp: async (stage) => {
    await stage.kubectl("wait", `deployment/${stage.name}`, "--for=condition=ReplicaFailure", "--timeout=30s");
  },
  services: (stage) => kube(stage),
  evidence: [/limit range/],
});
