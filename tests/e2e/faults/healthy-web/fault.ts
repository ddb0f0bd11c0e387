import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "a web server that is well",
  code: undefined,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
});
