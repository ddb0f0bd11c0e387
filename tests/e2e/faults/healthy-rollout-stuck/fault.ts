import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "a rollout to an image that is not there, while the old pod serves on",
  code: undefined,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
  breakIt: async (stage) => {
    await stage.kubectl("set", "image", `deployment/${stage.name}`, "main=testbed.local/no-such-image:2");
    await stage.kubectl(
      "wait",
      `deployment/${stage.name}`,
      "--for=jsonpath={.status.unavailableReplicas}=1",
      "--timeout=20s",
    );
  },
});
