import { kube, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the context names a user that is not there",
  code: "kubeconfig_invalid",
  setUp: async (stage) => {
    const { cluster, user } = stage.cluster;
    stage.notes["kubeconfig"] = await stage.kubeconfig(cluster, user, { user: "nobody" });
  },
  services: (stage) => kube(stage, { namespace: "default" }),
  env: ownKubeconfig,
});
