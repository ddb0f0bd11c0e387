import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "a volume of a folder that the node does not have",
  code: "container_config_error",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { volumeMounts: [{ name: "data", mountPath: "/data" }] },
      pod: { volumes: [{ name: "data", hostPath: { path: "/no/such/folder", type: "Directory" } }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: waitsWith(/ContainerCreating/),
  services: (stage) => kube(stage),
  evidence: [/no.such.folder/],
  setUp: (stage) => stage.untilEvent("FailedMount"),
});
