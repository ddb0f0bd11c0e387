import http from "node:http";
import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the proxy lets nobody through",
  code: "proxy_refused",
  setUp: async (stage) => {
    const server = http.createServer();
    server.on("connect", (_request, socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"));
    const port = await stage.listen(server);
    await kubeconfigOf(
      stage,
      { ...stage.cluster.cluster, "proxy-url": `http://127.0.0.1:${port}` },
      stage.cluster.user,
    );
  },
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
});
