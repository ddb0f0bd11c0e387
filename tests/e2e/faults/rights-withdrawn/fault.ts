import { webAsUserWith } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the rights of the user are withdrawn while the service is used",
  code: "permission_denied",
  ...webAsUserWith([
    ["pods services", "get list watch"],
    ["pods/portforward", "create"],
  ]),
  evidence: [/portforward/],
  breakIt: async (stage) => {
    await stage.kubectl("delete", "rolebinding", stage.name);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  },
});
