import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the kubeconfig names a proxy that is not there",
  code: "cluster_unreachable",
  setUp: (stage) =>
    kubeconfigOf(stage, { ...stage.cluster.cluster, "proxy-url": "http://127.0.0.1:9" }, stage.cluster.user),
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
  evidence: [/proxy/],
});
