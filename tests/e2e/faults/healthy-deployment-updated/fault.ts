import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "a rollout that went well a moment ago",
  code: undefined,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
  breakIt: async (stage) => {
    await stage.kubectl("set", "env", `deployment/${stage.name}`, "COLOUR=blue");
    await stage.kubectl("rollout", "status", `deployment/${stage.name}`, "--timeout=40s");
    // The running link moves to the new pod by itself.
    await new Promise((resolve) => setTimeout(resolve, 2000));
  },
});
