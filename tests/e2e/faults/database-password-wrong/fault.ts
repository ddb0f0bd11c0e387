import { testbed } from "../../../support/testbed.ts";
import { postgresCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the database does not take the password",
  code: "application_auth_failed",
  services: () =>
    ssh({
      target: testbed.postgresPort,
      check: postgresCheck('{database: tb, user: tb, password: "${env:DB_PASSWORD}"}'),
    }),
  env: () => ({ DB_PASSWORD: "rotated-away" }),
  never: [/rotated-away/],
});
