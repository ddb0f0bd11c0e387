import { deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "an image that no node has and that may not be pulled",
  code: "image_pull_failed",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: "testbed.local/built-elsewhere:1", container: { imagePullPolicy: "Never" } }),
    service(namespace, name, 80, 8080),
  ],
  until: waitsWith(/ErrImageNeverPull/),
  services: (stage) => kube(stage),
  evidence: [/imagePullPolicy is Never/],
});
