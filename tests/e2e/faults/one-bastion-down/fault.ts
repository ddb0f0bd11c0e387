import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "three services and the bastion before all of them is down",
  code: "host_unreachable",
  compound: true,
  ask: null,
  services: () => ["a", "b", "c"].map((name) => ssh({ name, port: 9 })),
  evidence: [/one cause/],
});
