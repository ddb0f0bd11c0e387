import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "a web server that is well, and whose settings and log speak of trouble",
  code: undefined,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      container: {
        command: [
          "/bin/sh",
          "-c",
          "echo 'FATAL: connection refused, OOMKilled' >&2; exec /agnhost netexec --http-port=8080",
        ],
        env: [{ name: "API_URL", value: "http://no-such-service:80" }],
      },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage),
});
