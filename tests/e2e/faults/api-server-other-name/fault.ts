import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the API server's certificate is for another name",
  code: "cluster_tls_untrusted",
  setUp: (stage) =>
    kubeconfigOf(stage, { ...stage.cluster.cluster, "tls-server-name": "elsewhere.example" }, stage.cluster.user),
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
  evidence: [/another name/],
});
