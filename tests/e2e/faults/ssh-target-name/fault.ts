import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the target's name means nothing to the bastion",
  code: "target_unreachable",
  services: () => ssh({ targetHost: "cache.internal.invalid" }),
});
