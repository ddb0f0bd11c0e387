import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "two services want one local port",
  code: "duplicate_local_port",
  services: () => [ssh({ more: "local_port: 45991" }), ssh({ name: "other", more: "local_port: 45991" })],
});
