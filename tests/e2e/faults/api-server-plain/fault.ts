import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "what listens at the API server's address does not speak TLS",
  code: "cluster_unreachable",
  setUp: async (stage) => {
    const port = await stage.http((_request, response) => response.end("hello"));
    await kubeconfigOf(stage, { ...stage.cluster.cluster, server: `https://127.0.0.1:${port}` }, stage.cluster.user);
  },
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
});
