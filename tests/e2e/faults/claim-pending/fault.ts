import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { kube } from "../declare.ts";
import { defineFault, unschedulable } from "../fault.ts";

export default defineFault({
  title: "a volume claim that nobody fulfils",
  code: "pod_unschedulable",
  manifests: ({ namespace, name }) => [
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name, namespace },
      spec: { accessModes: ["ReadWriteOnce"], storageClassName: "golden", resources: { requests: { storage: "1Gi" } } },
    },
    deployment(namespace, name, {
      image: agnhost,
      pod: { volumes: [{ name: "data", persistentVolumeClaim: { claimName: name } }] },
    }),
    service(namespace, name, 80, 8080),
  ],
  until: unschedulable,
  services: (stage) => kube(stage),
  evidence: [/claim claim-pending/, /golden/],
});
