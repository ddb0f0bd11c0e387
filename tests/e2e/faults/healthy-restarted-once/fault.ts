import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { all, defineFault, ready, restarted } from "../fault.ts";

export default defineFault({
  title: "a container that crashed at its start and has been well since",
  code: undefined,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      container: {
        command: [
          "/bin/sh",
          "-c",
          "test -e /kept/mark && exec /agnhost netexec --http-port=8080; touch /kept/mark; exit 1",
        ],
        volumeMounts: [{ name: "kept", mountPath: "/kept" }],
        readinessProbe: { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 1 },
      },
      pod: { volumes: [{ name: "kept", emptyDir: {} }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: all(ready(1), restarted(1)),
  services: (stage) => kube(stage),
});
