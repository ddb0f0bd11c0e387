import { kube, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the kubeconfig is no YAML",
  code: "kubeconfig_invalid",
  setUp: async (stage) => {
    stage.notes["kubeconfig"] = await stage.write("kubeconfig", "apiVersion: [v1\nclusters: {{{");
  },
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
});
