import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "somebody scales the deployment down while it is used",
  code: "scaled_to_zero",
  evidence: [/was ready until then/],
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, args: ["netexec", "--http-port=8080"] }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
  breakIt: async (stage) => {
    await stage.kubectl("scale", `deployment/${stage.name}`, "--replicas=0");
    await stage.untilPods((pods) => pods.length === 0);
  },
});
