import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the API server answers 503",
  code: "cluster_unreachable",
  setUp: async (stage) => {
    const port = await stage.http((_request, response) => response.writeHead(503).end("etcd is gone"));
    await kubeconfigOf(stage, { server: `http://127.0.0.1:${port}` }, {});
  },
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
  evidence: [/503/],
});
