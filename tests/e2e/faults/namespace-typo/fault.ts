import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the namespace does not exist",
  code: "namespace_missing",
  services: (stage) => kube(stage, { namespace: "kube-sistem" }),
  evidence: [/kube-system/],
});
