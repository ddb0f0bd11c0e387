import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the context is not in the kubeconfig",
  code: "context_missing",
  services: (stage) => kube(stage, { context: "testbet" }),
  evidence: [/testbed/],
});
