import { service } from "../../../support/cluster.ts";
import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the user may not even look",
  code: "permission_denied",
  manifests: ({ namespace, name }) => [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } },
    service(namespace, name, 80, 8080),
  ],
  setUp: async (stage) => {
    const token = (await stage.kubectl("create", "token", stage.name)).trim();
    await kubeconfigOf(stage, stage.cluster.cluster, { token });
  },
  services: (stage) => kube(stage),
  env: ownKubeconfig,
  never: [/eyJ/],
});
