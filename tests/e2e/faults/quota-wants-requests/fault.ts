import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a quota counts CPU, and the containers do not say what they need",
  code: "no_matching_pods",
  ownNamespace: true,
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "compute", namespace },
      spec: { hard: { "requests.cpu": "2" } },
    },
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080),
  ],
  setUp: (stage) => stage.untilEvent("FailedCreate"),
  services: (stage) => kube(stage),
  evidence: [/quota compute wants each container to say requests.cpu/],
});
