import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the namespace's pod security forbids the pods",
  code: "no_matching_pods",
  ownNamespace: true,
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespace, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
    },
    deployment(namespace, name, { image: agnhost }),
    service(namespace, name, 80, 8080),
  ],
  setUp: async (stage) => {
    await stage.kubectl("wait", `deployment/${stage.name}`, "--for=condition=ReplicaFailure", "--timeout=30s");
  },
  services: (stage) => kube(stage),
  evidence: [/pod security/],
});
