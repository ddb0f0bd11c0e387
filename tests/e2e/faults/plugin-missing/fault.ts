import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the credential plugin is not installed",
  code: "credential_plugin_missing",
  setUp: (stage) =>
    kubeconfigOf(stage, stage.cluster.cluster, {
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        command: "no-such-credential-plugin",
        interactiveMode: "Never",
      },
    }),
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
  evidence: [/no-such-credential-plugin/],
});
