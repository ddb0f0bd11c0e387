import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the page lacks the text that is expected",
  code: "application_unhealthy",
  setUp: async (stage) => {
    stage.notes["port"] = await stage.http((_request, response) => response.end("maintenance"));
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]), check: httpCheck("/", ", expected_content: ready") }),
});
