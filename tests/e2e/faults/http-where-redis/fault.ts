import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a web server where Redis is expected",
  code: "protocol_mismatch",
  setUp: async (stage) => {
    stage.notes["port"] = await stage.http((_request, response) => response.end());
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]), check: "{type: redis, timeout: 2s}" }),
  evidence: [/http/],
});
