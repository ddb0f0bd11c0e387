import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the application begins its answer and does not end it",
  code: "application_slow",
  setUp: async (stage) => {
    stage.notes["port"] = await stage.http(
      (_request, response) => void response.writeHead(200, { "content-length": "100" }).write("half"),
    );
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]), check: httpCheck("/") }),
});
