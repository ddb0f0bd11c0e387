import net from "node:net";
import { postgresCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the database takes no further connections",
  code: "too_many_connections",
  setUp: async (stage) => {
    const fields = Buffer.from("SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0");
    const head = Buffer.alloc(5);
    head.write("E");
    head.writeInt32BE(fields.length + 4, 1);
    const refuse = (socket: net.Socket): void =>
      void socket.once("data", () => socket.end(Buffer.concat([head, fields])));
    stage.notes["port"] = await stage.listen(net.createServer(refuse));
  },
  services: (stage) => ssh({ target: Number(stage.notes["port"]), check: postgresCheck("{database: app, user: me}") }),
});
