import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { httpCheck, kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "only the log names the cache that the application calls, and that is scaled to zero",
  code: "scaled_to_zero",
  compound: true,
  manifests: ({ namespace, name }) => {
    // Not as plain text: an argument that names it would do.
    const said = Buffer.from(`dial tcp: lookup ${name}-cache on 10.96.0.10:53: no such host`).toString("base64");
    return [
      deployment(namespace, name, {
        image: agnhost,
        container: {
          command: ["/bin/sh", "-c", `echo ${said} | base64 -d >&2; exec /agnhost netexec --http-port=8080`],
        },
      }),
      service(namespace, name, 80, 8080),
      deployment(namespace, `${name}-cache`, { image: agnhost, replicas: 0 }),
      service(namespace, `${name}-cache`, 6379),
    ];
  },
  until: ready(1),
  services: (stage) => kube(stage, { check: httpCheck("/redirect?code=500&location=/") }),
  evidence: [/upstream-named-in-log-cache, named by its log/],
});
