import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { account, asAccount, kube, ownKubeconfig } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "a user with the smallest rights that a forward needs",
  code: undefined,
  manifests: (stage) => [
    ...account(stage, [
      ["pods services", "list watch"],
      ["pods/portforward", "get"],
    ]),
    deployment(stage.namespace, stage.name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(stage.namespace, stage.name, 80, 8080),
  ],
  until: ready(1),
  setUp: asAccount,
  services: (stage) => kube(stage),
  env: ownKubeconfig,
});
