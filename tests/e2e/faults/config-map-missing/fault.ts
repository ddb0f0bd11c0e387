import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "a config map that does not exist",
  code: "container_config_error",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { envFrom: [{ configMapRef: { name: "no-such-settings" } }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: waitsWith(/CreateContainerConfigError/),
  services: (stage) => kube(stage),
  evidence: [/config map no-such-settings/],
});
