import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the kubeconfig names a path at which there is no API",
  code: "cluster_unreachable",
  setUp: (stage) => {
    const { cluster, user } = stage.cluster;
    return kubeconfigOf(stage, { ...cluster, server: `${cluster.server}/k8s/clusters/c-1` }, user);
  },
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
  evidence: [/its path/],
});
