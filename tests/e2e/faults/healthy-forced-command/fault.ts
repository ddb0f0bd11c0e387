import { startSshd } from "../../../support/sshd.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a bastion that runs no shell and forwards all the same",
  code: undefined,
  setUp: async (stage) => {
    const sshd = await startSshd(["ForceCommand /bin/false", "PermitTTY no", "MaxSessions 1"]);
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
