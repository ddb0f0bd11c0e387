import net from "node:net";
import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the API server takes connections and says nothing",
  code: "cluster_unreachable",
  setUp: async (stage) => {
    const port = await stage.listen(net.createServer());
    await kubeconfigOf(stage, { ...stage.cluster.cluster, server: `https://127.0.0.1:${port}` }, stage.cluster.user);
  },
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
});
