import net from "node:net";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "another program listens on the local port of a service that is not started",
  code: "local_port_in_use",
  start: false,
  setUp: async (stage) => {
    stage.notes["port"] = await stage.listen(net.createServer());
  },
  services: (stage) => ssh({ more: `local_port: ${stage.notes["port"]}` }),
  evidence: [new RegExp(`pid ${process.pid}`)],
});
