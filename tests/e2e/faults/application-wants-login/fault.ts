import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the application wants a login",
  code: "application_auth_failed",
  setUp: async (stage) => {
    stage.notes["port"] = await stage.http((_request, response) => response.writeHead(401).end());
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]), check: httpCheck("/") }),
});
