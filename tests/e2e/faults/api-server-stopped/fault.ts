import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "nothing listens at the API server's address",
  code: "cluster_unreachable",
  setUp: (stage) =>
    kubeconfigOf(stage, { ...stage.cluster.cluster, server: "https://127.0.0.1:9" }, stage.cluster.user),
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
  evidence: [/nothing listens/, /ECONNREFUSED/],
});
