import { service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a headless service without any pods",
  code: "no_matching_pods",
  manifests: ({ namespace, name }) => [service(namespace, name, 80, 8080, { clusterIP: "None" })],
  services: (stage) => kube(stage),
});
