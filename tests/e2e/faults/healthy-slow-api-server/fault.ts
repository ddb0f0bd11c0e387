import net from "node:net";
import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "an API server a long way off",
  code: undefined,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  setUp: async (stage) => {
    const { cluster, user } = stage.cluster;
    const { port, hostname } = new URL(cluster.server);
    const relay = net.createServer((near) => {
      const far = net.connect(Number(port), hostname);
      for (const socket of [near, far]) {
        socket.on("error", () => undefined);
        socket.once("close", () => [near, far].forEach((one) => one.destroy()));
      }
      near.on("data", (chunk) => setTimeout(() => far.write(chunk), 250));
      far.pipe(near);
    });
    await kubeconfigOf(stage, { ...cluster, server: `https://127.0.0.1:${await stage.listen(relay)}` }, user);
  },
  services: (stage) => kube(stage),
  env: ownKubeconfig,
});
