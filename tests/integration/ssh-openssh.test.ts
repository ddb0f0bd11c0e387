import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { closing, startEcho } from "../contract/forward-driver-targets.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { hasSshd, startSshd, type Sshd } from "../support/sshd.ts";
import { keygen } from "../support/openssh-programs.ts";

const run = promisify(execFile);
const never = (): AbortSignal => new AbortController().signal;

describe.skipIf(!hasSshd)("an own OpenSSH server (skipped where /usr/sbin/sshd is not installed)", () => {
  let home: SshHome;
  let driver: ForwardDriver;
  const scope: AsyncDisposable[] = [];

  beforeEach(async () => {
    home = await sshHome();
    driver = createSshDriver({ limits: { keepaliveMs: 200, keepaliveCount: 2 } });
  });
  afterEach(async () => {
    await driver.close();
    for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  async function sshd(settings: readonly string[] = []): Promise<Sshd> {
    const server = await startSshd(settings);
    scope.push(server);
    await home.write("known_hosts", server.knownHosts);
    return server;
  }

  const open = (server: Sshd, connection: Record<string, unknown> = {}, targetPort = 1): Promise<Transport> => {
    const keys = { host: "127.0.0.1", port: server.port, user: server.user, remote_host: "127.0.0.1", ...connection };
    return driver.open(sshService(keys, targetPort), { signal: never(), access: home.access });
  };

  const failure = (work: Promise<unknown>): Promise<ConnectivityError> =>
    work.then(
      () => expect.unreachable("it should have failed"),
      (error: unknown) => error as ConnectivityError,
    );

  test("AllowTcpForwarding no", async () => {
    const server = await sshd(["AllowTcpForwarding no"]);
    const transport = await open(server, { key_file: server.keyFile });
    expect(await failure(transport.connect({ signal: never() }))).toMatchObject({
      code: "ssh_forwarding_prohibited",
      facts: { target: "127.0.0.1:1", reason: 1 },
    });
  });

  test("PermitOpen names another target", async () => {
    const server = await sshd(["PermitOpen 127.0.0.1:9"]);
    const transport = await open(server, { key_file: server.keyFile });
    expect((await failure(transport.connect({ signal: never() }))).code).toBe("ssh_forwarding_prohibited");
  });

  test("a target whose name the server cannot resolve", async () => {
    const server = await sshd();
    const transport = await open(server, { key_file: server.keyFile, remote_host: "no-such-host.invalid" });
    expect((await failure(transport.connect({ signal: never() }))).code).toBe("target_unreachable");
  });

  test("a server that freezes is noticed by keepalive", async () => {
    const server = await sshd();
    const echo = await startEcho();
    scope.push(echo);
    const transport = await open(server, { key_file: server.keyFile }, echo.port);
    const stream = await transport.connect({ signal: never() });
    const closed = closing(stream);
    server.freezeSessions();
    expect(await transport.closed).toMatchObject({ code: "connection_lost", facts: { keepalive: "unanswered" } });
    expect(await closed).toMatchObject({ code: "connection_lost" });
  });

  test("an idle connection outlives many keepalives", async () => {
    const server = await sshd();
    const echo = await startEcho();
    scope.push(echo);
    const transport = await open(server, { key_file: server.keyFile }, echo.port);
    await new Promise((resolve) => {
      setTimeout(resolve, 1500);
    });
    const stream = await transport.connect({ signal: never() });
    stream.end("x");
    expect(String((await once(stream, "data"))[0])).toBe("x");
  });

  test("a server that renews the session keys every megabyte loses nothing", async () => {
    const server = await sshd(["RekeyLimit 1M"]);
    const echo = await startEcho();
    scope.push(echo);
    const transport = await open(server, { key_file: server.keyFile }, echo.port);
    const stream = await transport.connect({ signal: never() });
    const sent = Buffer.alloc(8 * 1024 * 1024, 7);
    let received = 0;
    stream.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    stream.end(sent);
    await once(stream, "end");
    expect(received).toBe(sent.length);
  });

  describe("an agent", () => {
    async function agent(...keyFiles: string[]): Promise<void> {
      const socket = path.join(home.dir, "agent.sock");
      const { stdout } = await run("ssh-agent", ["-s", "-a", socket]);
      const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1]);
      scope.push({
        [Symbol.asyncDispose]: () => {
          process.kill(pid);
          return Promise.resolve();
        },
      });
      home.env["SSH_AUTH_SOCK"] = socket;
      for (const file of keyFiles)
        await run("ssh-add", ["-q", file], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    }

    const key = (name: string, passphrase = ""): string => {
      const file = path.join(home.dir, ".ssh", name);
      execFileSync(keygen, ["-q", "-t", "ed25519", "-N", passphrase, "-f", file]);
      return file;
    };

    test("logs in without a key file", async () => {
      const server = await sshd();
      await agent(server.keyFile);
      expect((await open(server)).facts()).toMatchObject({ server: expect.stringMatching(/^OpenSSH \d/) });
    });

    test("the key that is named comes first, so that many others do not use the attempts up", async () => {
      const server = await sshd(["MaxAuthTries 2"]);
      await agent(key("a"), key("b"), key("c"), server.keyFile);
      await open(server, { key_file: server.keyFile });
      const error = await failure(open(server, { user: "nobody-knows-this-user" }));
      expect(error.code).toBe("ssh_authentication_failed");
      expect(error.facts["tried"]).toEqual(["agent (4 keys)"]);
    });

    test("with IdentitiesOnly nothing of the agent but the named key is offered", async () => {
      const server = await sshd(["MaxAuthTries 2"]);
      await agent(key("a"), key("b"), key("c"), server.keyFile);
      const error = await failure(open(server));
      expect(error).toMatchObject({ code: "ssh_authentication_failed", facts: { too_many_attempts: true } });
      await home.write("config", `Host *\n IdentitiesOnly yes\n IdentityFile ${server.keyFile}\n`);
      await open(server);
      await home.write("config", `Host *\n IdentitiesOnly yes\n IdentityFile ${path.join(home.dir, ".ssh", "a")}\n`);
      const refused = await failure(
        open(server, { user: server.user, known_hosts_file: path.join(home.dir, ".ssh/known_hosts") }),
      );
      expect(refused.facts["tried"]).toEqual(["agent (1 key)"]);
    });

    test("of IdentityAgent in place of SSH_AUTH_SOCK", async () => {
      const server = await sshd();
      await agent(server.keyFile);
      await home.write("config", `IdentityAgent ${home.env["SSH_AUTH_SOCK"]}\n`);
      home.env["SSH_AUTH_SOCK"] = path.join(home.dir, "gone");
      expect((await open(server)).via).toBe("ssh 127.0.0.1");
    });

    test("[ssh-agents] has the private half where a person names the public one", async () => {
      const server = await sshd(["MaxAuthTries 2"]);
      await agent(key("a"), key("b"), key("c"), server.keyFile);
      const file = await home.write("only.pub", await readFile(`${server.keyFile}.pub`, "utf8"));
      await home.write("config", `Host *\n IdentitiesOnly yes\n IdentityFile ${file}\n`);
      await open(server);
      await home.write("config", "");
      expect((await open(server, { key_file: file })).via).toBe("ssh 127.0.0.1");
    });

    test("[ssh-agents] two that ~/.ssh/config names are two logins, and one that is gone is the cause", async () => {
      const server = await sshd();
      await agent(server.keyFile);
      const socket = home.env["SSH_AUTH_SOCK"] ?? "";
      const nothing = path.join(home.dir, ".ssh", "nothing");
      await home.write(
        "config",
        `Host good bad\n HostName 127.0.0.1\nHost bad\n IdentityAgent ${home.dir}/gone\nHost good\n IdentityAgent ${socket}\nHost *\n IdentityFile ${nothing}\n`,
      );
      const [good, bad] = await Promise.allSettled([open(server, { host: "good" }), open(server, { host: "bad" })]);
      expect(good.status).toBe("fulfilled");
      expect(bad).toMatchObject({
        status: "rejected",
        reason: { code: "ssh_agent_unavailable", facts: { named_by: "IdentityAgent" } },
      });
    });

    test("holds the twin of a key that is encrypted on disk", async () => {
      const server = await sshd();
      await agent(server.keyFile);
      const file = await home.write("locked", await readFile(server.keyFile, "utf8"));
      await home.write("locked.pub", await readFile(`${server.keyFile}.pub`, "utf8"));
      execFileSync(keygen, ["-q", "-p", "-P", "", "-N", "a passphrase", "-f", file]);
      await open(server, { key_file: file });
      home.env["SSH_AUTH_SOCK"] = "";
      expect(
        (
          await failure(
            open(server, { key_file: file, known_hosts_file: path.join(home.dir, ".ssh", "known_hosts"), user: "x" }),
          )
        ).code,
      ).toBe("ssh_key_passphrase_required");
    });
  });
});
