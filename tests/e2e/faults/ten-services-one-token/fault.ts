import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "ten services fail for one token that has expired",
  code: "credentials_expired",
  compound: true,
  ask: null,
  setUp: (stage) => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = `${part({ alg: "RS256" })}.${part({ sub: "me", exp: 1_700_000_000 })}.${"c2ln".repeat(20)}`;
    return kubeconfigOf(stage, stage.cluster.cluster, { token });
  },
  services: (stage) =>
    Array.from({ length: 10 }, (_, index) => kube(stage, { name: `s${index}`, namespace: "default" })),
  env: ownKubeconfig,
  evidence: [/"s9"/, /one cause/],
});
