import net from "node:net";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the local port is taken, and nothing listens behind the bastion either",
  code: "local_port_in_use",
  compound: true,
  setUp: async (stage) => {
    stage.notes["port"] = await stage.listen(net.createServer());
  },
  services: (stage) => ssh({ target: 9, more: `local_port: ${stage.notes["port"]}` }),
});
