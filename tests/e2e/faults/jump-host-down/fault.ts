import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a jump host is down",
  code: "ssh_jump_failed",
  services: () => [ssh({ more: "via: [jump]" }), ssh({ name: "jump", port: 9 })],
});
