import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "a secret that is there, without the key that is wanted",
  code: "container_config_error",
  manifests: ({ namespace, name }) => [
    { apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, stringData: { user: "u" } },
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { env: [{ name: "PASSWORD", valueFrom: { secretKeyRef: { name, key: "passwort" } } }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: waitsWith(/CreateContainerConfigError/),
  services: (stage) => kube(stage),
  evidence: [/key passwort of secret secret-key-missing/],
});
