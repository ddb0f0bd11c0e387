import { webAsUserWith } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the user may read pods and forward, and not read services",
  code: "permission_denied",
  ...webAsUserWith([
    ["pods", "get list watch"],
    ["pods/portforward", "create"],
  ]),
  evidence: [/list services/],
});
