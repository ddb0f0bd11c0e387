import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

const port = testbed.ssh?.targetPort ?? 0;

export default defineFault({
  title: "a hop on the way does not know the key",
  code: "ssh_authentication_failed",
  services: () => [
    ssh({ more: "via: [jump]" }),
    ssh({ name: "jump", port, key: `${testbed.ssh?.clientDir}/id_stranger` }),
  ],
  evidence: [/"hop"/, new RegExp(`ssh -p ${port} `)],
});
