import net from "node:net";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "Redis takes no further connections",
  code: "too_many_connections",
  setUp: async (stage) => {
    const refuse = (socket: net.Socket): void => void socket.end("-ERR max number of clients reached\r\n");
    stage.notes["port"] = await stage.listen(net.createServer(refuse));
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]) }),
});
