import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, running } from "../fault.ts";

export default defineFault({
  title: "the service asks for the right name under another label",
  code: "no_matching_pods",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080, { selector: { "app.kubernetes.io/name": name } }),
  ],
  until: running,
  services: (stage) => kube(stage),
  evidence: [/app: selector-other-key instead/],
});
