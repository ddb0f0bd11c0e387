import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "web waits for a cache whose bastion is not there",
  code: "host_unreachable",
  compound: true,
  at: "cache",
  services: () => [ssh({ more: "depends_on: [cache]" }), ssh({ name: "cache", port: 9 })],
});
