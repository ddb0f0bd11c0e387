import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the key is encrypted, and nobody opens it",
  code: "ssh_key_passphrase_required",
  services: () => ssh({ key: `${testbed.ssh?.clientDir}/id_enc` }),
  evidence: [/ssh-add/],
});
