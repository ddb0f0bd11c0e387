import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "MariaDB does not take the password",
  code: "application_auth_failed",
  services: () =>
    ssh({
      target: Number(process.env["TB_MYSQL_PORT"]),
      check: '{type: mysql, timeout: 2s, config: {user: tb, password: "${env:DB_PASSWORD}", database: tb}}',
    }),
  env: () => ({ DB_PASSWORD: "rotated-away" }),
  never: [/rotated-away/],
});
