import { testbed } from "../../../support/testbed.ts";
import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "Redis where a web server is expected",
  code: "protocol_mismatch",
  services: () => ssh({ target: testbed.redisPort, check: httpCheck("/") }),
  evidence: [/redis/],
});
