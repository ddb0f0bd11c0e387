import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the key file is not there",
  code: "ssh_key_missing",
  services: () => ssh({ key: "/nowhere/id_ed25519" }),
  evidence: [/nowhere/],
});
