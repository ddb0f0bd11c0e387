import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "Redis behind the bastion is well",
  code: undefined,
  services: () => ssh(),
});
