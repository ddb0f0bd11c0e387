import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the credential plugin never ends",
  code: "credential_plugin_failed",
  setUp: (stage) =>
    kubeconfigOf(stage, stage.cluster.cluster, {
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        command: "/bin/sh",
        args: ["-c", "exec sleep 60"],
        interactiveMode: "Never",
      },
    }),
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
  evidence: [/plugin/],
});
