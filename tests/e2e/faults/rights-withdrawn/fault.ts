import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { account, asAccount, kube, ownKubeconfig } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "the rights of the user are withdrawn while the service is used",
  code: "permission_denied",
  manifests: (stage) => [
    ...account(stage, [
      ["pods services", "get list watch"],
      ["pods/portforward", "create"],
    ]),
    deployment(stage.namespace, stage.name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(stage.namespace, stage.name, 80, 8080),
  ],
  until: ready(1),
  setUp: asAccount,
  services: (stage) => kube(stage),
  env: ownKubeconfig,
  evidence: [/portforward/],
  breakIt: async (stage) => {
    await stage.kubectl("delete", "rolebinding", stage.name);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  },
});
