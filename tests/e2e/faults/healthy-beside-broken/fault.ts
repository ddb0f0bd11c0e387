import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a service that is well beside one on the same bastion that is not",
  code: undefined,
  services: () => [ssh(), ssh({ name: "other", target: 9 })],
});
