import net from "node:net";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a web server at the bastion's port",
  code: "protocol_mismatch",
  setUp: async (stage) => {
    const greet = (socket: net.Socket): void =>
      void socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    stage.notes["port"] = await stage.listen(net.createServer(greet));
  },
  services: (stage) => ssh({ port: Number(stage.notes["port"]) }),
});
