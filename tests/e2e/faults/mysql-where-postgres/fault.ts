import { postgresCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "MariaDB where PostgreSQL is expected",
  code: "protocol_mismatch",
  services: () =>
    ssh({ target: Number(process.env["TB_MYSQL_PORT"]), check: postgresCheck("{database: app, user: me}") }),
});
