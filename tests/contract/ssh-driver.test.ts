import { createSshDriver } from "#adapters/ssh/index.ts";
import { sshHome, sshService } from "../support/ssh-client.ts";
import { startSshServer } from "../support/ssh-server.ts";
import { forwardDriverContract } from "./forward-driver-contract.ts";

forwardDriverContract("ssh, against an ssh2 server in the process", async () => {
  const server = await startSshServer({ password: "correct horse" });
  const home = await sshHome();
  await home.write("known_hosts", server.knownHosts.join("\n"));
  home.env["BASTION_PASSWORD"] = "correct horse";
  return {
    driver: createSshDriver(),
    access: home.access,
    serviceFor: (targetPort) =>
      sshService(
        {
          host: "127.0.0.1",
          port: server.port,
          password: `\${env:BASTION_PASSWORD}`,
          remote_host: "127.0.0.1",
        },
        targetPort,
      ),
    cut: () => {
      server.cut();
      return Promise.resolve();
    },
    closedPortCode: "target_unreachable",
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
});
