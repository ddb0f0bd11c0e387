import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "an application that takes four seconds and is allowed to",
  code: undefined,
  setUp: async (stage) => {
    stage.notes["port"] = await stage.http(
      (_request, response) => void setTimeout(() => response.end("at last"), 4000),
    );
  },
  services: (stage) =>
    ssh({ target: Number(stage.notes["port"]), check: "{type: http, timeout: 10s, config: {path: /}}" }),
});
