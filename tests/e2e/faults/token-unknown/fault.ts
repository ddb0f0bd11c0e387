import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a token that the cluster does not know",
  code: "credentials_rejected",
  setUp: (stage) => kubeconfigOf(stage, stage.cluster.cluster, { token: "not-a-token" }),
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
});
