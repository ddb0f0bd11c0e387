import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { httpCheck, kube } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "the application calls a service of another namespace, which is not there",
  code: "resource_missing",
  compound: true,
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, {
      image: agnhost,
      args: ["netexec", "--http-port=8080"],
      container: { env: [{ name: "ORDERS", value: "http://orders.kube-public.svc.cluster.local:8080" }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: ready(1),
  services: (stage) => kube(stage, { check: httpCheck("/redirect?code=502&location=/") }),
  evidence: [/service orders, which does not exist in namespace kube-public/, /ORDERS/],
});
