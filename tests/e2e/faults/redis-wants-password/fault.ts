import net from "node:net";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "Redis wants a password",
  code: "application_auth_failed",
  setUp: async (stage) => {
    const refuse = (socket: net.Socket): void =>
      void socket.on("data", () => socket.write("-NOAUTH Authentication required.\r\n"));
    stage.notes["port"] = await stage.listen(net.createServer(refuse));
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]), check: "{type: redis, timeout: 2s}" }),
});
