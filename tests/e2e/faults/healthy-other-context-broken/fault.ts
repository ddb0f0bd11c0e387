import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube, ownKubeconfig } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "another context of the kubeconfig leads nowhere",
  code: undefined,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  setUp: async (stage) => {
    const file = await stage.kubeconfig({ server: "https://127.0.0.1:9" }, { token: "x" });
    stage.notes["kubeconfig"] = `${file}:${process.env["TESTBED_KUBECONFIG"]}`;
  },
  services: (stage) => kube(stage, { context: "testbed" }),
  env: ownKubeconfig,
});
