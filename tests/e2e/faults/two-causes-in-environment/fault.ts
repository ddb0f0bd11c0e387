import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "an environment with two causes that have nothing to do with each other",
  code: "target_unreachable",
  compound: true,
  ask: null,
  also: ["host_unresolved"],
  services: () => [
    ssh({ name: "a", target: 9 }),
    ssh({ name: "b", more: "depends_on: [a]" }),
    ssh({ name: "c", host: "bastoin.example.invalid" }),
  ],
});
