import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "an answer of 503 that is expected",
  code: undefined,
  setUp: async (stage) => {
    stage.notes["port"] = await stage.http((_request, response) => response.writeHead(503).end());
  },
  services: (stage) =>
    ssh({ target: Number(stage.notes["port"]), check: httpCheck("/", ", expected_status_codes: [503]") }),
});
