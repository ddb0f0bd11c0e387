import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "an SSH certificate that has expired",
  code: "ssh_certificate_expired",
  services: () => ssh({ key: `${testbed.ssh?.clientDir}/id_expired` }),
});
