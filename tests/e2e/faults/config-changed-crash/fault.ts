import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready, restarted } from "../fault.ts";

export default defineFault({
  title: "a config map was edited, and the pods crash since their restart",
  code: "container_crashing",
  compound: true,
  manifests: ({ namespace, name }) => [
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { mode: "good" } },
    deployment(namespace, name, {
      image: agnhost,
      container: {
        command: [
          "/bin/sh",
          "-c",
          '[ "$MODE" = good ] || { echo bad mode; exit 9; }; exec /agnhost netexec --http-port=8080',
        ],
        env: [{ name: "MODE", valueFrom: { configMapKeyRef: { name, key: "mode" } } }],
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
  breakIt: async (stage) => {
    // A change counts when it comes well after the workload was made.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    await stage.kubectl("patch", `configmap/${stage.name}`, "-p", '{"data": {"mode": "bad"}}');
    await stage.kubectl("delete", "pods", "-l", `app=${stage.name}`, "--grace-period=0", "--force");
    await stage.untilPods(restarted(1));
  },
  evidence: [/configmap config-changed-crash changed/],
});
