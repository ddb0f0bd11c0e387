import { expiredCertificate } from "../../../support/test-certificates.ts";
import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a client certificate that has expired",
  code: "credentials_expired",
  setUp: (stage) =>
    kubeconfigOf(stage, stage.cluster.cluster, {
      "client-certificate-data": Buffer.from(expiredCertificate.cert).toString("base64"),
      "client-key-data": Buffer.from(expiredCertificate.key).toString("base64"),
    }),
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
});
