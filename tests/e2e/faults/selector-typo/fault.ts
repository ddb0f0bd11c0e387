import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "the service's selector is misspelt",
  code: "no_matching_pods",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080, { selector: { app: `${name}x` } }),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
  evidence: [/app: selector-typox is asked, selector-typo is there/],
});
