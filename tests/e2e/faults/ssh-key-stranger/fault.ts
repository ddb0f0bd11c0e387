import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the bastion does not know the key",
  code: "ssh_authentication_failed",
  services: () => ssh({ key: `${testbed.ssh?.clientDir}/id_stranger` }),
});
