import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the bastion does not know the user",
  code: "ssh_authentication_failed",
  services: () => ssh({ user: "nobody-here" }),
});
