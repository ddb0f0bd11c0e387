import { agnhost, deployment, service } from "../../../support/cluster.ts";
import { httpCheck, kube, ssh } from "../declare.ts";
import { defineFault, restarted } from "../fault.ts";

export default defineFault({
  title: "web answers 502 because the api that it depends on crashes in the cluster",
  code: "container_crashing",
  compound: true,
  at: "api",
  manifests: ({ namespace, name }) => [
    deployment(namespace, name, { image: agnhost, container: { command: ["/bin/sh", "-c", "exit 3"] } }),
    service(namespace, name, 80, 8080),
  ],
  until: restarted(2),
  services: (stage) => [
    ssh({ target: Number(process.env["TB_UP1_PORT"]), check: httpCheck("/status/502"), more: "depends_on: [api]" }),
    kube(stage, { name: "api" }),
  ],
});
