import { webAsUserWith } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a user with the smallest rights that a forward needs",
  code: undefined,
  ...webAsUserWith([
    ["pods services", "list watch"],
    ["pods/portforward", "get"],
  ]),
});
