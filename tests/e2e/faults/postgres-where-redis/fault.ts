import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "PostgreSQL where Redis is expected",
  code: "protocol_mismatch",
  services: () => ssh({ target: testbed.postgresPort, check: "{type: redis, timeout: 2s}" }),
});
