import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a service that is only a name for another host",
  code: "service_without_selector",
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { type: "ExternalName", externalName: "db.invalid" },
    },
  ],
  services: (stage) => kube(stage),
});
