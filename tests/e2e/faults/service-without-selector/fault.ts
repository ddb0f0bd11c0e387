import { service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a service without a selector",
  code: "service_without_selector",
  manifests: ({ namespace, name }) => [service(namespace, name, 80, 80, { selector: undefined })],
  services: (stage) => kube(stage),
});
