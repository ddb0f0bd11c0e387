import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a priority class that does not exist",
  code: "no_matching_pods",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: { priorityClassName: "important" },
    }),
    service(namespace, name, 80, 8080),
  ],
  services: (stage) => kube(stage),
  evidence: [/priority class important does not exist/],
  setUp: (stage) => stage.untilEvent("FailedCreate"),
});
