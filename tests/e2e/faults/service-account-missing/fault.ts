import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the service account of the pods does not exist",
  code: "no_matching_pods",
  evidence: [/service account/],
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, pod: { serviceAccountName: "nobody" } }),
    service(namespace, name, 80, 8080),
  ],
  services: (stage) => kube(stage),
  setUp: async (stage) => {
    await stage.kubectl("wait", `deployment/${stage.name}`, "--for=condition=ReplicaFailure", "--timeout=30s");
  },
});
