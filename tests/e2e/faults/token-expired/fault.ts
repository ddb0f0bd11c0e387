import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a token that has expired",
  code: "credentials_expired",
  setUp: (stage) => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = `${part({ alg: "RS256" })}.${part({ sub: "me", exp: 1_700_000_000 })}.${"c2ln".repeat(20)}`;
    return kubeconfigOf(stage, stage.cluster.cluster, { token });
  },
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
});
