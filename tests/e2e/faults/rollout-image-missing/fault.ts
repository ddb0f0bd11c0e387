import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready, waitsWith } from "../fault.ts";

export default defineFault({
  title: "a rollout to an image that is not there, with the old pods gone",
  code: "image_pull_failed",
  compound: true,
  evidence: [/agnhost:2.53 → testbed.local\/no-such-image:2/, /rollout undo/],
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
  breakIt: async (stage) => {
    const strategy = JSON.stringify({ spec: { strategy: { type: "Recreate", rollingUpdate: null } } });
    await stage.kubectl("patch", `deployment/${stage.name}`, "-p", strategy);
    await stage.kubectl("set", "image", `deployment/${stage.name}`, "main=testbed.local/no-such-image:2");
    await stage.untilPods(waitsWith(/Image/));
  },
});
