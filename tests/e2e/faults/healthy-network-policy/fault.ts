import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "a network policy that denies all, which does not hold for a forward",
  code: undefined,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name, namespace },
      spec: { podSelector: { matchLabels: { app: name } }, policyTypes: ["Ingress", "Egress"] },
    },
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
});
