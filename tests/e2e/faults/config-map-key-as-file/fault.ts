import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, waitsWith } from "../fault.ts";

export default defineFault({
  title: "a volume wants a key of a config map as a file, and the key is not there",
  code: "container_config_error",
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `${name}-settings`, namespace },
      data: { "old.yaml": "" },
    },
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { volumeMounts: [{ name: "settings", mountPath: "/settings" }] },
      pod: {
        volumes: [
          { name: "settings", configMap: { name: `${name}-settings`, items: [{ key: "app.yaml", path: "app.yaml" }] } },
        ],
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: waitsWith(/ContainerCreating/),
  setUp: (stage) => stage.untilEvent("FailedMount"),
  services: (stage) => kube(stage),
  evidence: [/key app.yaml of config map config-map-key-as-file-settings/],
});
