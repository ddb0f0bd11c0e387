import net from "node:net";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "another program listens on the local port",
  code: "local_port_in_use",
  setUp: async (stage) => {
    stage.notes["port"] = await stage.listen(net.createServer());
  },
  services: (stage) => ssh({ more: `local_port: ${stage.notes["port"]}` }),
  evidence: [new RegExp(`pid ${process.pid}`)],
});
