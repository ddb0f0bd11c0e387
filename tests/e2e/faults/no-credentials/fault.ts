import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the user of the context has no credentials at all",
  code: "credentials_rejected",
  setUp: (stage) => kubeconfigOf(stage, stage.cluster.cluster, {}),
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
});
