import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the host key is not the known one",
  code: "host_key_changed",
  services: () => ssh({ knownHosts: `${testbed.ssh?.clientDir}/known_hosts_wrong` }),
});
