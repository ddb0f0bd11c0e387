import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { httpCheck, kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "the application calls a service that does not exist",
  code: "resource_missing",
  compound: true,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { env: [{ name: "API_URL", value: "http://aip:8080" }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage, { check: httpCheck("/redirect?code=500&location=/") }),
  evidence: [/service aip/, /API_URL/],
});
