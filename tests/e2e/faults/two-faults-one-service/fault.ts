import { deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "the user may not forward, and the image does not exist either",
  code: "permission_denied",
  compound: true,
  also: ["image_pull_failed"],
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: "testbed.local/no-such-image:1" }),
    service(namespace, name, 80, 8080),
  ],
  until: waitsWith(/Image/),
  services: (stage) => kube(stage, { context: "testbed-viewer" }),
});
