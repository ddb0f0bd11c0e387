import { deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "an image that does not exist",
  code: "image_pull_failed",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: "testbed.local/no-such-image:1" }),
    service(namespace, name, 80, 8080),
  ],
  until: waitsWith(/Image/),
  services: (stage) => kube(stage),
  evidence: [/no-such-image:1/],
});
