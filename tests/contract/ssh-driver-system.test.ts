import { describe } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import { sshHome, sshService } from "../support/ssh-client.ts";
import { hasSsh } from "../support/ssh-g.ts";
import { hasSshd, startSshd } from "../support/sshd.ts";
import { forwardDriverContract } from "./forward-driver-contract.ts";

describe.skipIf(!hasSshd || !hasSsh)("with an own OpenSSH server (skipped where OpenSSH is not installed)", () => {
  forwardDriverContract("the system's ssh, against OpenSSH", async () => {
    const server = await startSshd();
    const home = await sshHome();
    await home.write("known_hosts", server.knownHosts);
    return {
      driver: createSshDriver(),
      access: home.access,
      serviceFor: (targetPort) =>
        sshService(
          {
            host: "127.0.0.1",
            port: server.port,
            user: server.user,
            key_file: server.keyFile,
            remote_host: "127.0.0.1",
            driver: "openssh",
          },
          targetPort,
        ),
      cut: () => {
        server.killSessions();
        return Promise.resolve();
      },
      closedPortCode: "target_unreachable",
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await home[Symbol.asyncDispose]();
      },
    };
  });
});
