import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { httpCheck, kube } from "../declare.ts";
import { all, defineFault, ready, restarted } from "../fault.ts";

export default defineFault({
  title: "a gateway answers 502 because the pods that it calls are killed for memory; nobody declared that",
  code: "container_oom_killed",
  compound: true,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { env: [{ name: "PAYMENTS_URL", value: `http://${name}-payments:8080/pay` }] },
    }),
    service(namespace, name, 80, 8080),
    deployment(namespace, `${name}-payments`, {
      image: agnhost,
      container: { command: ["/bin/sh", "-c", "tail /dev/zero"], resources: { limits: { memory: "20Mi" } } },
    }),
    service(namespace, `${name}-payments`, 8080),
  ],
  until: all(ready(1), restarted(1)),
  services: (stage) => kube(stage, { check: httpCheck("/redirect?code=502&location=/") }),
  evidence: [/PAYMENTS_URL/, /proxy-502-crash-oom-payments/],
});
