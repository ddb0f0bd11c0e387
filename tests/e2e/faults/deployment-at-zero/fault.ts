import { agnhost, deployment } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the deployment itself is the target, and at zero",
  code: "scaled_to_zero",
  manifests: ({ namespace, name }) => [deployment(namespace, name, { image: agnhost, replicas: 0 })],
  services: (stage) => kube(stage, { type: "deployment", port: 8080 }),
});
