import { deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "an image whose name is none",
  code: "image_pull_failed",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: "testbed.local/NOT//valid:::1" }),
    service(namespace, name, 80, 8080),
  ],
  until: waitsWith(/Image/),
  services: (stage) => kube(stage),
  evidence: [/InvalidImageName|no image name|cannot be pulled/],
});
