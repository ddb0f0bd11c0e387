import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the application redirects in a circle",
  code: "redirect_loop",
  setUp: async (stage) => {
    stage.notes["port"] = await stage.http((request, response) =>
      response.writeHead(302, { location: request.url }).end(),
    );
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]), check: httpCheck("/around") }),
});
