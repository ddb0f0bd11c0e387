import { testbed } from "../../../support/testbed.ts";
import { postgresCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the database is not there",
  code: "database_missing",
  services: () =>
    ssh({
      target: testbed.postgresPort,
      check: postgresCheck('{database: nope, user: tb, password: "${env:DB_PASSWORD}"}'),
    }),
  env: () => ({ DB_PASSWORD: "tb" }),
  evidence: [/nope/],
});
