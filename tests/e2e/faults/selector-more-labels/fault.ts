import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "the selector asks for a label that the pods do not have",
  code: "no_matching_pods",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080, { selector: { app: name, tier: "front" } }),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
  evidence: [/tier: front is asked, nothing is there/],
});
