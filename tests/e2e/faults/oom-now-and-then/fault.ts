import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "a program that serves for some seconds and is then killed for memory, again and again",
  code: "container_oom_killed",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      container: {
        command: ["/bin/sh", "-c", "/agnhost netexec --http-port=8080 & sleep 6; exec tail /dev/zero"],
        resources: { limits: { memory: "64Mi" } },
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(2),
  services: (stage) => kube(stage, { check: "{type: http, interval: 1s, timeout: 1s, config: {path: /healthz}}" }),
  evidence: [/64Mi/],
});
