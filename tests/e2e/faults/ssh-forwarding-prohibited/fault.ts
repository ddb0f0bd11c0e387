import { startSshd } from "../../../support/sshd.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the bastion allows no forwarding",
  code: "ssh_forwarding_prohibited",
  setUp: async (stage) => {
    const sshd = await startSshd(["AllowTcpForwarding no"]);
    stage.defer(() => sshd[Symbol.asyncDispose]());
    const knownHosts = await stage.write("known_hosts", sshd.knownHosts);
    Object.assign(stage.notes, { port: sshd.port, user: sshd.user, key: sshd.keyFile, knownHosts });
  },
  services: (stage) =>
    ssh({
      port: Number(stage.notes["port"]),
      user: String(stage.notes["user"]),
      key: String(stage.notes["key"]),
      knownHosts: String(stage.notes["knownHosts"]),
    }),
});
