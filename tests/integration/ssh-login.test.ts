/** What a server asks is typed by a person at a terminal, and by nobody else. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { LoginPrompts } from "#application/ports/interaction.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { startEcho } from "../contract/forward-driver-targets.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { hasSsh } from "../support/ssh-g.ts";
import { newKey, startSshServer, type SshServer, type SshServerOptions } from "../support/ssh-server.ts";

const never = (): AbortSignal => new AbortController().signal;

describe("[ssh-login-by-person] a login that a person types", () => {
  let home: SshHome;
  let driver: ForwardDriver;
  const asked: LoginPrompts[] = [];
  const scope: AsyncDisposable[] = [];
  const using = <T extends AsyncDisposable>(resource: T): T => {
    scope.push(resource);
    return resource;
  };

  beforeEach(async () => {
    home = await sshHome();
    home.env["PATH"] = process.env["PATH"] ?? "";
    asked.length = 0;
    driver = createSshDriver({ lingerMs: 50, limits: { handshakeMs: 3000, loginMs: 5000 } });
  });
  afterEach(async () => {
    await driver.close();
    for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  async function server(options: SshServerOptions): Promise<SshServer> {
    const started = using(await startSshServer(options));
    await home.write("known_hosts", started.knownHosts.join("\n"));
    return started;
  }
  const service = (port: number, more: object = {}, target = 1) =>
    sshService({ host: "127.0.0.1", user: "me", port, remote_host: "127.0.0.1", ...more }, target);
  const open = (port: number, more: object = {}, target = 1): Promise<Transport> => {
    const context = { signal: never(), access: home.access };
    return driver.open(service(port, more, target), context);
  };
  const logIn = async (port: number, answers: readonly (readonly string[])[], more: object = {}) => {
    const left = [...answers];
    const interaction = {
      answer: (prompts: LoginPrompts) => {
        asked.push(prompts);
        const next = left.shift();
        return next ? Promise.resolve(next) : Promise.reject(new ConnectivityError("cancelled", "gave up"));
      },
    };
    return driver.logIn?.(service(port, more), { signal: never(), access: home.access, interaction });
  };
  const failure = (work: Promise<unknown>): Promise<ConnectivityError> =>
    work.then(
      () => expect.unreachable("it should have failed"),
      (error: unknown) => error as ConnectivityError,
    );

  const twoRounds = [
    {
      name: "Second factor",
      instruction: "Touch your token",
      prompts: [
        { prompt: "Token: ", echo: true, answer: "123456" },
        { prompt: "PIN: ", echo: false, answer: "99 88" },
      ],
    },
    { prompts: [{ prompt: "Once more: ", echo: false, answer: "yes" }] },
  ];
  const right = [["123456", "99 88"], ["yes"]];

  test("without a person it says who has to do what, and sends nothing that would count as a failure", async () => {
    const key = newKey();
    const bastion = await server({ authorizedKeys: [key.public], rounds: twoRounds });
    const keyFile = await home.write("id", key.private);
    const error = await failure(open(bastion.port, { key_file: keyFile }));
    expect(error).toMatchObject({
      code: "ssh_login_required",
      retryable: false,
      facts: {
        login_command: `portwright ssh login me@127.0.0.1:${bastion.port}`,
        partly_accepted: true,
        offered_by_server: ["keyboard-interactive"],
      },
    });
    expect(bastion.attempts).not.toContain("keyboard-interactive");
  });

  test("several prompts in several rounds; services share the connection, also after it was unused for a while", async () => {
    const key = newKey();
    const bastion = await server({ authorizedKeys: [key.public], rounds: twoRounds });
    const echo = using(await startEcho());
    const keyFile = await home.write("id", key.private);
    const waiting = service(bastion.port, { key_file: keyFile });
    await failure(open(bastion.port, { key_file: keyFile }));
    let told = 0;
    using _watching = driver.watch?.(waiting, home.access, () => told++) ?? { [Symbol.dispose]: () => undefined };
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await logIn(bastion.port, right, { key_file: keyFile })).toMatchObject({ user: "me", host: "127.0.0.1" });
    expect(asked).toMatchObject([
      { from: "me@127.0.0.1", name: "Second factor", instruction: "Touch your token" },
      { prompts: [{ text: "Once more: ", echo: false }] },
    ]);
    expect(asked[0]?.prompts).toEqual([
      { text: "Token: ", echo: true },
      { text: "PIN: ", echo: false },
    ]);
    expect(told).toBeGreaterThan(0);
    // Longer than an unused connection lives otherwise.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const transport = await open(bastion.port, { key_file: keyFile }, echo.port);
    const stream = await transport.connect({ signal: never() });
    stream.write("x");
    await once(stream, "data");
    stream.destroy();
    transport.destroy();
    expect(bastion.logins).toBe(1);
    expect(await logIn(bastion.port, [], { key_file: keyFile })).toMatchObject({ user: "me" });
    expect(bastion.logins).toBe(1);
  });

  test("a wrong code three times is a failed login, and so it ends", async () => {
    const bastion = await server({ rounds: [{ prompts: [{ prompt: "Code: ", echo: false, answer: "1" }] }] });
    const error = await failure(logIn(bastion.port, [["2"], ["3"], ["4"], ["5"]]));
    expect(error.code).toBe("ssh_authentication_failed");
    expect(asked).toHaveLength(3);
  });

  test("whoever gives up ends the login", async () => {
    const bastion = await server({ rounds: twoRounds });
    expect((await failure(logIn(bastion.port, [["123456", "99 88"]]))).code).toBe("cancelled");
    expect(bastion.logins).toBe(0);
  });

  test("a reference answers one hidden prompt; for more it wants a person, and tries nothing", async () => {
    const bastion = await server({
      rounds: [
        { prompts: [{ prompt: "Password: ", echo: false, answer: "secret" }] },
        { prompts: [{ prompt: "Code: ", echo: true, answer: "1" }] },
      ],
    });
    const error = await failure(open(bastion.port, { password: "secret" }));
    expect(error.code).toBe("ssh_login_required");
    expect(bastion.attempts.filter((method) => method === "keyboard-interactive")).toHaveLength(1);
  });

  test("a password is typed where the server takes that", async () => {
    const bastion = await server({ password: "hunter2" });
    expect(await logIn(bastion.port, [["wrong"], ["hunter2"]])).toMatchObject({ user: "me" });
    expect(asked[0]?.prompts).toEqual([{ text: "password: ", echo: false }]);
  });

  test("a server that asks without end is left", async () => {
    const round = { prompts: [{ prompt: "And? ", echo: false, answer: "x" }] };
    const bastion = await server({ rounds: Array.from({ length: 100 }, () => round) });
    const error = await failure(
      logIn(
        bastion.port,
        Array.from({ length: 100 }, () => ["x"]),
      ),
    );
    expect(error.code).toBe("protocol_mismatch");
    expect(asked.length).toBeLessThan(20);
  });

  test.skipIf(!hasSsh)("without a person the system's OpenSSH says the same, and sends nothing", async () => {
    const key = newKey();
    const partly = await server({ authorizedKeys: [key.public], rounds: twoRounds });
    const keyFile = await home.write("id", key.private);
    expect(await failure(open(partly.port, { key_file: keyFile, driver: "openssh" }))).toMatchObject({
      code: "ssh_login_required",
      facts: { login_command: `portwright ssh login me@127.0.0.1:${partly.port}`, partly_accepted: true },
    });
    expect(partly.attempts).not.toContain("keyboard-interactive");
    const only = await server({ rounds: twoRounds });
    expect((await failure(open(only.port, { driver: "openssh" }))).code).toBe("ssh_login_required");
    expect(only.attempts).not.toContain("keyboard-interactive");
    const both = await server({
      rounds: [
        { prompts: [{ prompt: "Password: ", echo: false, answer: "secret" }] },
        { prompts: [{ prompt: "Code: ", echo: true, answer: "1" }] },
      ],
    });
    const error = await failure(open(both.port, { password: "secret", driver: "openssh" }));
    expect(error.code).toBe("ssh_login_required");
    expect(both.attempts.filter((method) => method === "keyboard-interactive")).toHaveLength(1);
  });

  test.skipIf(!hasSsh)("the same by the system's OpenSSH", async () => {
    const secret = `canary-${randomBytes(8).toString("hex")}`;
    const bastion = await server({
      rounds: [
        {
          prompts: [
            { prompt: "Code: ", echo: false, answer: secret },
            { prompt: "PIN: ", echo: false, answer: "7" },
          ],
        },
      ],
    });
    expect(await logIn(bastion.port, [[secret], ["7"]], { driver: "openssh" })).toMatchObject({ user: "me" });
    expect(asked.map(({ prompts }) => prompts[0]?.text)).toEqual(["Code: ", "PIN: "]);
    const commandLines = await Promise.all(
      (await readdir("/proc").catch(() => [])).map((pid) =>
        readFile(path.join("/proc", pid, "cmdline"), "latin1").catch(() => ""),
      ),
    );
    expect(commandLines.join("\n")).not.toContain(secret);
  });
});
