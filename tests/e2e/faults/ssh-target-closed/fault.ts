import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "nothing listens behind the bastion",
  code: "target_unreachable",
  services: () => ssh({ target: 9 }),
});
