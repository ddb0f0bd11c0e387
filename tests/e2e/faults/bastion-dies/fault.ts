import { readFile } from "node:fs/promises";
import { startSshd } from "../../../support/sshd.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the bastion dies while it is used",
  code: "host_unreachable",
  evidence: [/was ready until then/],
  setUp: async (stage) => {
    const sshd = await startSshd();
    const knownHosts = await stage.write("known_hosts", sshd.knownHosts);
    const key = await stage.write("key", await readFile(sshd.keyFile, "utf8"));
    Object.assign(stage.notes, { port: sshd.port, user: sshd.user, key, knownHosts });
    stage.ending = () => sshd[Symbol.asyncDispose]();
    stage.defer(() => stage.ending?.());
  },
  services: (stage) =>
    ssh({
      port: Number(stage.notes["port"]),
      user: String(stage.notes["user"]),
      key: String(stage.notes["key"]),
      knownHosts: String(stage.notes["knownHosts"]),
    }),
  breakIt: async (stage) => {
    await stage.ending?.();
    stage.ending = undefined;
  },
});
