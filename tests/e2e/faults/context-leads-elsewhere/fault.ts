import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "the context leads to another cluster than the one that it led to before",
  code: "context_changed",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  setUp: (stage) => kubeconfigOf(stage, stage.cluster.cluster, stage.cluster.user),
  services: (stage) => kube(stage),
  env: ownKubeconfig,
  breakIt: async (stage) => {
    const port = await stage.http((request, response) => {
      const review = request.url?.includes("review") === true;
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify(
          review ? { status: { allowed: true } } : { metadata: { name: "kube-system", uid: "another-one" }, items: [] },
        ),
      );
    });
    await kubeconfigOf(stage, { server: `http://127.0.0.1:${port}` }, {});
  },
});
