import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "a config map that is to be mounted does not exist",
  code: "container_config_error",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      pod: { volumes: [{ name: "settings", configMap: { name: "no-such-files" } }] },
      container: { volumeMounts: [{ name: "settings", mountPath: "/settings" }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: waitsWith(/ContainerCreating/),
  services: (stage) => kube(stage),
  evidence: [/config map no-such-files/],
});
