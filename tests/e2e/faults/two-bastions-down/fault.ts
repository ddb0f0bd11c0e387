import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "two bastions on one host are down, each for itself",
  code: "host_unreachable",
  compound: true,
  ask: null,
  also: ["host_unreachable"],
  services: () => [ssh({ name: "a", port: 9 }), ssh({ name: "b", port: 10 })],
  evidence: [/2 independent causes/],
});
