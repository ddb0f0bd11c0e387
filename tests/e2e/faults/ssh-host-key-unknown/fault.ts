import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the host key is not known",
  code: "host_key_unknown",
  services: () => ssh({ knownHosts: "/dev/null" }),
  evidence: [/SHA256/],
});
