import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { httpCheck, kube } from "../declare.ts";
import { defineFault, all, ready, restarted } from "../fault.ts";

export default defineFault({
  title: "a gateway answers 502 because the service that its configuration file names crashes",
  code: "container_crashing",
  compound: true,
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace },
      data: { "nginx.conf": `upstream orders { server ${name}-orders:9000; }\n` },
    },
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { volumeMounts: [{ name: "conf", mountPath: "/etc/nginx" }] },
      pod: { volumes: [{ name: "conf", configMap: { name } }] },
    }),
    service(namespace, name, 80, 8080),
    deployment(namespace, `${name}-orders`, { image: agnhost, container: { command: ["/bin/sh", "-c", "exit 9"] } }),
    service(namespace, `${name}-orders`, 9000),
  ],
  until: all(ready(1), restarted(1)),
  services: (stage) => kube(stage, { check: httpCheck("/redirect?code=502&location=/") }),
  evidence: [/gateway-config-file-orders/, /config map gateway-config-file/],
});
