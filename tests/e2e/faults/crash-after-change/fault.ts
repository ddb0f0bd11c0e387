import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready, restarted } from "../fault.ts";

export default defineFault({
  title: "a changed variable makes the new pods crash, and the old ones are gone",
  code: "container_crashing",
  compound: true,
  evidence: [/variables changed.*MODE|MODE/, /rollout undo/],
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      container: {
        command: ["/bin/sh", "-c", '[ "$MODE" = good ] || exit 9; exec /agnhost netexec --http-port=8080'],
        env: [{ name: "MODE", value: "good" }],
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
  breakIt: async (stage) => {
    const strategy = JSON.stringify({ spec: { strategy: { type: "Recreate", rollingUpdate: null } } });
    await stage.kubectl("patch", `deployment/${stage.name}`, "-p", strategy);
    await stage.kubectl("set", "env", `deployment/${stage.name}`, "MODE=bad");
    await stage.untilPods((pods) => restarted(1)(pods));
  },
});
