import net from "node:net";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "what listens behind the bastion resets each connection",
  code: "target_unreachable",
  setUp: async (stage) => {
    stage.notes["port"] = await stage.listen(net.createServer((socket) => socket.resetAndDestroy()));
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]) }),
  never: [/kubectl/],
});
