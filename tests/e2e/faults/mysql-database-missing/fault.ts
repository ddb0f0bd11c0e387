import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "MariaDB has no such database",
  code: "database_missing",
  services: () =>
    ssh({
      target: Number(process.env["TB_MYSQL_PORT"]),
      check: '{type: mysql, timeout: 2s, config: {user: tb, password: "${env:DB_PASSWORD}", database: nope}}',
    }),
  env: () => ({ DB_PASSWORD: "tb" }),
});
