import { deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "the secret for the registry does not exist",
  code: "image_pull_failed",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: "testbed.local/private:1",
      pod: { imagePullSecrets: [{ name: "no-registry-login" }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: waitsWith(/Image/),
  services: (stage) => kube(stage),
  evidence: [/no-registry-login/],
});
