import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the bastion's name does not resolve",
  code: "host_unresolved",
  services: () => ssh({ host: "bastoin.example.invalid" }),
  evidence: [/bastoin.example.invalid/],
});
