import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

const key = `${testbed.ssh?.clientDir}/id_stranger`;

export default defineFault({
  title: "three services log in to one bastion with a key that it does not know",
  code: "ssh_authentication_failed",
  compound: true,
  ask: null,
  services: () => ["a", "b", "c"].map((name) => ssh({ name, key })),
  evidence: [/one cause/, /"explains":\["a","b","c"\]/],
});
