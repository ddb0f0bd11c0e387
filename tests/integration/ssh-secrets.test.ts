import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { keygen } from "../support/openssh-programs.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { hasSsh } from "../support/ssh-g.ts";
import { startSshServer, type SshServer, type SshServerOptions } from "../support/ssh-server.ts";

const linux = process.platform === "linux";

/** Arguments and environments of all other processes, and what lies in the folders of connections. */
function visible(): string {
  const found: string[] = [];
  const read = (file: string): void => {
    try {
      found.push(readFileSync(file, "latin1"));
    } catch {
      // Ended meanwhile, or a socket.
    }
  };
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    read(`/proc/${pid}/cmdline`);
    read(`/proc/${pid}/environ`);
  }
  for (const folder of readdirSync(os.tmpdir()).filter((name) => name.startsWith("pw-ssh-"))) {
    for (const name of readdirSync(path.join(os.tmpdir(), folder))) read(path.join(os.tmpdir(), folder, name));
  }
  return found.join("\n");
}

const failure = (work: Promise<unknown>): Promise<ConnectivityError> =>
  work.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error as ConnectivityError,
  );

describe.skipIf(!hasSsh || !linux)(
  "[ssh-no-secret-outside] while a login stands still (needs OpenSSH and /proc)",
  () => {
    let home: SshHome;
    let driver: ForwardDriver;
    let secret: string;
    const scope: AsyncDisposable[] = [];

    beforeEach(async () => {
      home = await sshHome();
      secret = `canary-${randomBytes(8).toString("hex")}`;
      home.env["PATH"] = process.env["PATH"] ?? "";
      home.env["THE_SECRET"] = secret;
      driver = createSshDriver({ lingerMs: 100 });
    });
    afterEach(async () => {
      await driver.close();
      for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    });

    async function server(options: SshServerOptions): Promise<SshServer> {
      const started = await startSshServer(options);
      scope.push(started);
      await home.write("known_hosts", started.knownHosts.join("\n"));
      return started;
    }

    const ways = ["ssh2", "openssh"].flatMap((name) => [
      [name, "password", false] as const,
      [name, "password", true] as const,
      [name, "passphrase", false] as const,
    ]);

    test.each(ways)(
      "%s, %s (keyboard-interactive: %s)",
      async (name, kind, keyboardInteractive) => {
        const keyFile = path.join(home.dir, ".ssh", "locked");
        execFileSync(keygen, ["-q", "-t", "ed25519", "-a", "1", "-N", secret, "-f", keyFile]);
        const options: SshServerOptions =
          kind === "password"
            ? { password: secret, keyboardInteractive }
            : { authorizedKeys: [readFileSync(`${keyFile}.pub`, "utf8")] };
        const bastion = await server(options);
        bastion.stallLogins = true;
        const credentials = kind === "password" ? {} : { key_file: keyFile };
        const template = { [kind]: `\${env:THE_SECRET}`, ...credentials };
        const service = sshService({ host: "127.0.0.1", port: bastion.port, driver: name, ...template }, 1);
        const dial = () => driver.open(service, { signal: new AbortController().signal, access: home.access });
        const opening = dial();
        opening.catch(() => {});
        const method = kind === "passphrase" ? "publickey" : keyboardInteractive ? "keyboard-interactive" : "password";
        await vi.waitFor(() => expect(bastion.attempts).toContain(method), { timeout: 15_000 });
        const seen = visible();
        expect(seen).not.toContain(secret);
        bastion.cut();
        const error = await failure(opening);
        expect(JSON.stringify([error.message, error.facts, error.untrusted ?? "", error.stack])).not.toContain(secret);
        bastion.stallLogins = false;
        const transport = await dial();
        expect(JSON.stringify([transport.facts(), transport.via])).not.toContain(secret);
        expect(visible()).not.toContain(secret);
        expect(bastion.logins).toBe(1);
      },
      30_000,
    );

    test.each(["ssh2", "openssh"])("%s: a wrong one is tried once, and nowhere repeated", async (name) => {
      const bastion = await server({ password: "another" });
      const service = sshService(
        { host: "127.0.0.1", port: bastion.port, driver: name, password: `\${env:THE_SECRET}` },
        1,
      );
      const error = await failure(driver.open(service, { signal: new AbortController().signal, access: home.access }));
      expect(error).toMatchObject({
        code: "ssh_authentication_failed",
        facts: { tried: expect.arrayContaining(["password"]) },
      });
      expect(bastion.attempts.filter((method) => method === "password")).toHaveLength(1);
      expect(JSON.stringify([error.message, error.facts, error.untrusted ?? ""])).not.toContain(secret);
    });

    test("openssh: an encrypted key without a passphrase, and with a wrong one", async () => {
      const keyFile = path.join(home.dir, ".ssh", "locked");
      execFileSync(keygen, ["-q", "-t", "ed25519", "-a", "1", "-N", secret, "-f", keyFile]);
      const bastion = await server({ authorizedKeys: [readFileSync(`${keyFile}.pub`, "utf8")] });
      const open = (more: Record<string, unknown>) =>
        failure(
          driver.open(
            sshService({ host: "127.0.0.1", port: bastion.port, driver: "openssh", key_file: keyFile, ...more }, 1),
            {
              signal: new AbortController().signal,
              access: home.access,
            },
          ),
        );
      expect((await open({})).code).toBe("ssh_key_passphrase_required");
      expect(await open({ passphrase: "wrong" })).toMatchObject({
        code: "ssh_key_passphrase_required",
        facts: { passphrase: "refused", key_file: keyFile },
      });
      home.env["THE_SECRET"] = "";
      expect((await open({ password: "x" })).code).toBe("ssh_key_passphrase_required");
    }, 30_000);
  },
);
