import net from "node:net";
import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the application accepts and says nothing",
  code: "application_unhealthy",
  setUp: async (stage) => {
    stage.notes["port"] = await stage.listen(net.createServer());
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]), check: httpCheck("/") }),
});
