import { testbed } from "../../../support/testbed.ts";
import { postgresCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a variable that nobody has",
  code: "variable_missing",
  services: () =>
    ssh({
      target: testbed.postgresPort,
      check: postgresCheck('{database: tb, user: tb, password: "${env:NOBODY_HAS_THIS}"}'),
    }),
  evidence: [/NOBODY_HAS_THIS/],
});
