import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "an application that redirects to its login",
  code: undefined,
  setUp: async (stage) => {
    stage.notes["port"] = await stage.http((_request, response) =>
      response.writeHead(302, { location: "https://login.invalid/" }).end(),
    );
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]), check: httpCheck("/") }),
});
