import { startSshServer } from "../../../support/ssh-server.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the bastion asks for a one-time code",
  code: "ssh_login_required",
  setUp: async (stage) => {
    const rounds = [{ prompts: [{ prompt: "Code: ", echo: false, answer: "1" }] }];
    const server = await startSshServer({ rounds });
    stage.defer(() => server[Symbol.asyncDispose]());
    stage.notes["port"] = server.port;
    stage.notes["known"] = await stage.write("known_hosts", `${server.knownHosts.join("\n")}\n`);
  },
  services: (stage) => ssh({ port: Number(stage.notes["port"]), knownHosts: String(stage.notes["known"]) }),
  evidence: [/portwright ssh login \S+@127\.0\.0\.1:\d+/],
});
