import net from "node:net";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the application serves other names than the one that is asked for",
  code: "certificate_name_mismatch",
  setUp: async (stage) => {
    // A TLS alert, fatal: unrecognized_name.
    const refuse = (socket: net.Socket): void =>
      void socket.once("data", () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 112])));
    stage.notes["port"] = await stage.listen(net.createServer(refuse));
  },
  services: (stage) =>
    ssh({ target: Number(stage.notes["port"]), check: "{type: https, timeout: 2s, config: {path: /}}" }),
});
