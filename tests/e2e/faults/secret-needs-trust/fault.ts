import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a password that a program gives, in a file that nobody trusted",
  code: "workspace_untrusted",
  services: () =>
    ssh({
      target: testbed.postgresPort,
      check: '{type: postgres, timeout: 2s, config: {database: tb, user: tb, password: "${command:printf tb}"}}',
    }),
});
