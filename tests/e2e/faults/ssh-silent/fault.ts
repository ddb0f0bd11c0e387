import net from "node:net";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "what listens at the bastion's port says nothing",
  code: "host_unreachable",
  setUp: async (stage) => {
    stage.notes["port"] = await stage.listen(net.createServer());
  },
  services: (stage) => ssh({ port: Number(stage.notes["port"]) }),
});
