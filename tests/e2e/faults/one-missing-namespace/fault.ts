import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "three services lie in one namespace that does not exist",
  code: "namespace_missing",
  compound: true,
  ask: null,
  services: (stage) => ["a", "b", "c"].map((name) => kube(stage, { name, namespace: "no-such", resource: name })),
  evidence: [/one cause/, /"explains":\["a","b","c"\]/],
});
