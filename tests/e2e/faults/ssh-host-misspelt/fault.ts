import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the bastion's name is misspelt, and a known host is named alike",
  code: "host_unresolved",
  setUp: async (stage) => {
    const line =
      "bastion.example.invalid ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJb0R1O3eL4xF0m0m1VQ3m0m1VQ3m0m1VQ3m0m1VQ3m";
    stage.notes["known"] = await stage.write("known_hosts", `${line}\n`);
  },
  services: (stage) => ssh({ host: "bastoin.example.invalid", knownHosts: String(stage.notes["known"]) }),
  evidence: [/did you mean bastion.example.invalid/],
});
