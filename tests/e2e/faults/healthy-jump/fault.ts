import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "Redis behind two hops, both well",
  code: undefined,
  services: () => [ssh({ more: "via: [jump]" }), ssh({ name: "jump" })],
});
