import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "nothing listens at the bastion's port",
  code: "host_unreachable",
  services: () => ssh({ port: 9 }),
  evidence: [/nothing listens/],
});
