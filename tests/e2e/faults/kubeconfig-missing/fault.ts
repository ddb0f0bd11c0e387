import { kube } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "KUBECONFIG names no file",
  code: "kubeconfig_missing",
  services: (stage) => kube(stage),
  env: (stage) => ({ KUBECONFIG: `${stage.folder}/nowhere` }),
});
