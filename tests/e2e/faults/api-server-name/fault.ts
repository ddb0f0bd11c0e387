import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the API server's name does not resolve",
  code: "cluster_unreachable",
  setUp: (stage) =>
    kubeconfigOf(stage, { ...stage.cluster.cluster, server: "https://api.cluster.invalid:6443" }, stage.cluster.user),
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
  evidence: [/could not be resolved|not known|looked up/, /api.cluster.invalid/],
});
