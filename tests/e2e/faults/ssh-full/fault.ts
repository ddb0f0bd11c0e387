import net from "node:net";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the bastion takes no further logins",
  code: "ssh_session_limit",
  setUp: async (stage) => {
    const greet = (socket: net.Socket): void => void socket.end("Exceeded MaxStartups\r\n");
    stage.notes["port"] = await stage.listen(net.createServer(greet));
  },
  services: (stage) => ssh({ port: Number(stage.notes["port"]) }),
});
