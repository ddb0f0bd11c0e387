import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the API server's certificate is of another authority",
  code: "cluster_tls_untrusted",
  setUp: (stage) => kubeconfigOf(stage, { server: stage.cluster.cluster.server }, stage.cluster.user),
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
});
