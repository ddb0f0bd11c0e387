import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { startEcho, startTarget } from "../contract/forward-driver-targets.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { newKey, startSshServer, type SshServer, type SshServerOptions } from "../support/ssh-server.ts";

const never = (): AbortSignal => new AbortController().signal;

let home: SshHome;
let driver: ForwardDriver;
const scope: AsyncDisposable[] = [];

beforeEach(async () => {
  home = await sshHome();
  driver = createSshDriver({
    limits: { handshakeMs: 1500, loginMs: 1500, keepaliveMs: 200, keepaliveCount: 2 },
    lingerMs: 100,
  });
});
afterEach(async () => {
  await driver.close();
  for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

async function server(options: SshServerOptions = {}): Promise<SshServer> {
  const started = await startSshServer(options);
  scope.push(started);
  await home.write("known_hosts", started.knownHosts.join("\n"));
  return started;
}

const open = (port: number, connection: Record<string, unknown> = {}, targetPort = 1): Promise<Transport> =>
  driver.open(sshService({ host: "127.0.0.1", port, remote_host: "127.0.0.1", ...connection }, targetPort), {
    signal: never(),
    access: home.access,
  });

async function failure(opening: Promise<unknown>): Promise<ConnectivityError> {
  return opening.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error as ConnectivityError,
  );
}

/** A plain TCP server that answers a connection with some text, and perhaps ends it. */
async function speaking(text: string | undefined, end = false): Promise<number> {
  const target = await startTarget((socket) => {
    if (text !== undefined) socket.write(text);
    if (end) socket.end();
    socket.resume();
  });
  scope.push(target);
  return target.port;
}

describe("reaching the server", () => {
  // Something must be there to log in with, or the dial ends before it begins.
  const password = { password: "secret" };

  test("a name that does not exist", async () => {
    const error = await failure(open(22, { host: "no-such-host.invalid", ...password }));
    expect(error).toMatchObject({ code: "host_unresolved", facts: { host: "no-such-host.invalid" } });
  });

  test("a port that nothing listens on", async () => {
    const listener = net.createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as net.AddressInfo;
    listener.close();
    expect(await failure(open(port, password))).toMatchObject({
      code: "host_unreachable",
      facts: { errno: "ECONNREFUSED", port },
    });
  });

  test("a server that accepts and says nothing, within the limit", async () => {
    const error = await failure(open(await speaking(undefined), password));
    expect(error).toMatchObject({ code: "host_unreachable", facts: { banner: "none" } });
    expect(error.message).toMatch(/sent no SSH banner/);
  });

  test("[ssh-wordless] a server that accepts and hangs up is told apart from a silent one", async () => {
    const error = await failure(open(await speaking(undefined, true), password));
    expect(error).toMatchObject({ code: "host_unreachable", facts: { banner: "none", closed_by_server: true } });
    expect(error.message).toContain("MaxStartups");
  });

  test("[ssh-wordless] it is asked ever less often", async () => {
    let arrivals = 0;
    const target = await startTarget((socket) => {
      arrivals++;
      socket.destroy();
    });
    scope.push(target);
    const quick = createSshDriver({ retryGapMs: 50, lingerMs: 100 });
    scope.push({ [Symbol.asyncDispose]: () => quick.close() });
    const service = sshService({ host: "127.0.0.1", port: target.port, remote_host: "127.0.0.1", ...password }, 1);
    using _watching = quick.watch?.(service, home.access, () => undefined) ?? { [Symbol.dispose]: () => undefined };
    await failure(quick.open(service, { signal: never(), access: home.access }));
    // At 0, 50, 150, 350, 750 ms; at the same pace it would be thirty.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(arrivals).toBeGreaterThan(2);
    expect(arrivals).toBeLessThan(9);
  });

  test.each([[1], [3]])("[ssh-identification] what a server says first comes in pieces of %i bytes", async (size) => {
    const real = await startSshServer({ password: "secret" });
    scope.push(real);
    const echo = await startEcho();
    scope.push(echo);
    const relay = await startTarget((client) => {
      const upstream = net.connect({ port: real.port, host: "127.0.0.1" });
      client.on("error", () => undefined).on("close", () => upstream.destroy());
      upstream.on("error", () => undefined).on("close", () => client.destroy());
      client.pipe(upstream);
      client.setNoDelay(true);
      upstream.once("data", (words: Buffer) => {
        upstream.pause();
        void (async () => {
          // RFC 4253 §4.2: lines may come before it.
          const all = Buffer.concat([Buffer.from("a notice\r\nand a second one\r\n"), words]);
          for (let at = 0; at < all.length; at += size) {
            client.write(all.subarray(at, at + size));
            await new Promise((resolve) => setTimeout(resolve, 2));
          }
          upstream.pipe(client);
        })();
      });
    });
    scope.push(relay);
    await home.write("known_hosts", real.knownHosts.join("\n").replaceAll(String(real.port), String(relay.port)));
    const transport = await open(relay.port, password, echo.port);
    const stream = await transport.connect({ signal: never() });
    stream.write("x");
    expect(String(await once(stream, "data"))).toBe("x");
    stream.destroy();
    transport.destroy();
  });

  test("[ssh-identification] a server that talks without end is given up after 8 KiB", async () => {
    const begun = performance.now();
    const error = await failure(open(await speaking("nothing of use\r\n".repeat(1000)), password));
    expect(error.code).toBe("protocol_mismatch");
    expect(performance.now() - begun).toBeLessThan(1200);
  });

  test.each([
    ["an HTTP server", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<h1>canary</h1>", true],
    ["a talkative server that stays", "220 canary ESMTP\r\n", false],
    ["bytes without a line end", "\u0000\u0001canary", false],
    ["SSH 1", "SSH-1.5-canary\r\n", false],
  ])("%s is another protocol, and its text stays outside of ours", async (_, text, end) => {
    const error = await failure(open(await speaking(text, end), password));
    expect(error.code).toBe("protocol_mismatch");
    expect(JSON.stringify([error.message, error.facts])).not.toContain("canary");
  });

  test("a server that is full says so", async () => {
    expect((await failure(open(await speaking("Exceeded MaxStartups\r\n", true), password))).code).toBe(
      "ssh_session_limit",
    );
  });

  test("a server that stops in the middle of the login", async () => {
    const bastion = await server({ password: "secret" });
    bastion.stallLogins = true;
    expect(await failure(open(bastion.port, password))).toMatchObject({
      code: "host_unreachable",
      facts: { phase: "login" },
    });
  });
});

describe("host keys", () => {
  test("an unknown one is refused with all that a person needs to trust it, before any login", async () => {
    const bastion = await server({ password: "secret" });
    await home.write("known_hosts", "");
    const error = await failure(open(bastion.port, { password: "secret" }));
    expect(error).toMatchObject({
      code: "host_key_unknown",
      facts: {
        fingerprint: expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/),
        key_type: "ssh-ed25519",
        host: "127.0.0.1",
        port: bastion.port,
        known_hosts_file: path.join(home.dir, ".ssh/known_hosts"),
        known_hosts_line: bastion.knownHosts[0],
      },
    });
    expect(bastion.attempts).toEqual([]);
    await home.write("known_hosts", String(error.facts["known_hosts_line"]));
    await open(bastion.port, { password: "secret" });
  });

  test("a changed one is refused, and the line that contradicts is named", async () => {
    const bastion = await server({ password: "secret" });
    const other = await server({ password: "secret" });
    const line = `# first\n${other.knownHosts[0]?.replace(String(other.port), String(bastion.port))}`;
    const file = await home.write("known_hosts", line);
    const error = await failure(open(bastion.port, { password: "secret" }));
    expect(error).toMatchObject({ code: "host_key_changed", facts: { known_hosts_file: file, known_hosts_line: 2 } });
    expect(error.facts["fingerprint"]).not.toBe(error.facts["known_fingerprint"]);
    expect(bastion.attempts).toEqual([]);
  });

  test("a revoked one is refused even where it is known", async () => {
    const bastion = await server({ password: "secret" });
    await home.write("known_hosts", `${bastion.knownHosts[0]}\n@revoked ${bastion.knownHosts[0]}`);
    expect(await failure(open(bastion.port, { password: "secret" }))).toMatchObject({
      code: "host_key_changed",
      facts: { revoked: true },
    });
  });

  test("of several host keys the server is asked for the known one, whichever that is", async () => {
    const { private: ed25519 } = newKey();
    const { private: ecdsa } = newKey("ecdsa");
    const bastion = await server({ password: "secret", hostKeys: [ed25519, ecdsa] });
    const used: unknown[] = [];
    for (const line of bastion.knownHosts) {
      await home.write("only", line);
      const transport = await open(bastion.port, {
        password: "secret",
        known_hosts_file: ".ssh/only",
        user: `u${used.length}`,
      });
      used.push(transport.facts()["host_key"]);
    }
    expect(used).toEqual(["ssh-ed25519", "ecdsa-sha2-nistp256"]);
  });

  test("a file that cannot be read is not an empty one", async () => {
    const bastion = await server({ password: "secret" });
    const error = await failure(open(bastion.port, { password: "secret", known_hosts_file: home.dir }));
    expect(error).toMatchObject({ code: "host_key_unknown", facts: { unreadable_files: [`${home.dir} (EISDIR)`] } });
  });
});

describe("logging in", () => {
  test("[ssh-authentication] a password, by reference", async () => {
    const bastion = await server({ password: "hunter2" });
    home.env["SECRET"] = "hunter2";
    await open(bastion.port, { password: `\${env:SECRET}` });
    expect(bastion.attempts).toEqual(["none", "password"]);
  });

  test("the same password where the server asks for it by keyboard-interactive", async () => {
    const bastion = await server({ password: "hunter2", keyboardInteractive: true });
    await open(bastion.port, { password: "hunter2" });
    expect(bastion.attempts).toEqual(["none", "keyboard-interactive"]);
  });

  test("a wrong password is tried once, and appears nowhere", async () => {
    const bastion = await server({ password: "hunter2" });
    const error = await failure(open(bastion.port, { password: "canary-secret", user: "ada" }));
    expect(error).toMatchObject({
      code: "ssh_authentication_failed",
      facts: { user: "ada", tried: ["password"], offered_by_server: ["password"] },
    });
    expect(bastion.attempts).toEqual(["none", "password"]);
    expect(JSON.stringify([error.message, error.facts, error.untrusted])).not.toContain("canary");
  });

  test("a named key; a default key; the key before the password", async () => {
    const key = newKey();
    const bastion = await server({ authorizedKeys: [key.public], password: "secret" });
    const file = await home.write("special", key.private);
    await open(bastion.port, { key_file: "~/.ssh/special", password: "secret" });
    expect(bastion.attempts).not.toContain("password");
    await home.write("id_ed25519", key.private);
    await open(bastion.port, { user: "other" });
    expect(bastion.logins).toBe(2);
    expect((await failure(open(bastion.port, { key_file: `${file}-gone` }))).code).toBe("ssh_key_missing");
  });

  test("a key that the server does not know, then the password", async () => {
    const bastion = await server({ authorizedKeys: [newKey().public], password: "secret" });
    await home.write("id_ed25519", newKey().private);
    await open(bastion.port, { password: "secret" });
    expect(bastion.attempts).toEqual(["none", "publickey", "password"]);
    const error = await failure(open(bastion.port, { user: "nobody" }));
    expect(error).toMatchObject({
      code: "ssh_authentication_failed",
      facts: { tried: [`key ${path.join(home.dir, ".ssh/id_ed25519")}`], offered_by_server: ["publickey", "password"] },
    });
  });

  test("a key file that is no key, and nothing to log in with", async () => {
    const bastion = await server({ password: "secret" });
    await home.write("broken", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n");
    expect((await failure(open(bastion.port, { key_file: ".ssh/broken" }))).code).toBe("ssh_key_unreadable");
    expect(await failure(open(bastion.port))).toMatchObject({ code: "ssh_key_missing", facts: { agent: "none" } });
  });

  test("a dead agent counts only when nothing else could work", async () => {
    const key = newKey();
    const bastion = await server({ authorizedKeys: [key.public] });
    home.env["SSH_AUTH_SOCK"] = path.join(home.dir, "no-agent");
    expect((await failure(open(bastion.port))).code).toBe("ssh_agent_unavailable");
    await home.write("id_ed25519", newKey().private);
    expect((await failure(open(bastion.port))).code).toBe("ssh_agent_unavailable");
    await home.write("id_ed25519", key.private);
    await open(bastion.port);
  });

  test("a server that takes nothing of what there is", async () => {
    const bastion = await server({ authorizedKeys: [newKey().public] });
    expect(await failure(open(bastion.port, { password: "secret" }))).toMatchObject({
      code: "ssh_authentication_failed",
      facts: { tried: [], offered_by_server: ["publickey"] },
    });
  });
});

test("a key file that appears is told, until the watch is disposed", async () => {
  let changes = 0;
  const service = sshService({ host: "127.0.0.1", key_file: ".ssh/later" }, 1);
  const watching = driver.watch?.(service, { ...home.access, workspaceDir: home.dir }, () => changes++);
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  await home.write("later", newKey().private);
  await vi.waitFor(() => expect(changes).toBe(1), { timeout: 10_000 });
  watching?.[Symbol.dispose]();
});

describe("forwarding", () => {
  test.each([
    [1, "ssh_forwarding_prohibited"],
    [2, "target_unreachable"],
    [3, "ssh_forwarding_prohibited"],
    [4, "ssh_session_limit"],
  ] as const)("a refusal with reason %i is %s", async (reason, code) => {
    const bastion = await server();
    bastion.forwarding = reason;
    const transport = await open(bastion.port, { password: "x" });
    expect((await failure(transport.connect({ signal: never() }))).code).toBe(code);
  });

  test("a request that is never answered ends with the signal, and the connection stays", async () => {
    const bastion = await server();
    bastion.forwarding = "never";
    const echo = await startEcho();
    scope.push(echo);
    const transport = await open(bastion.port, { password: "x" }, echo.port);
    const error = await failure(transport.connect({ signal: AbortSignal.timeout(200) }));
    expect(error.name).toBe("TimeoutError");
    bastion.forwarding = "allow";
    const stream = await transport.connect({ signal: never() });
    stream.end("x");
    expect(String((await once(stream, "data"))[0])).toBe("x");
  });

  test("the facts say what runs, in our words", async () => {
    const bastion = await server({ ident: "canary_1.0" });
    const facts = (await open(bastion.port, { password: "x" })).facts();
    expect(facts).toMatchObject({
      cipher: expect.stringMatching(/^aes/),
      kex: expect.any(String),
      crypto: expect.stringMatching(/^(native|javascript)$/),
      server: "other",
    });
    expect(JSON.stringify(facts)).not.toContain("canary");
  });
});

describe("one connection per bastion", () => {
  test("[ssh-one-connection] fifty services at once share one login", async () => {
    const bastion = await server();
    const transports = await Promise.all(
      Array.from({ length: 50 }, (_, index) => open(bastion.port, { password: "x" }, index + 1)),
    );
    expect(transports).toHaveLength(50);
    expect(bastion.logins).toBe(1);
    await open(bastion.port, { password: "x", user: "somebody-else" });
    expect(bastion.logins).toBe(2);
  });

  test("one that gives up does not take the dial of the others with it", async () => {
    const bastion = await server();
    const controller = new AbortController();
    const service = sshService({ host: "127.0.0.1", port: bastion.port, password: "x" }, 1);
    const first = failure(driver.open(service, { signal: controller.signal, access: home.access }));
    const second = open(bastion.port, { password: "x", remote_host: "localhost" });
    controller.abort();
    expect((await first).name).toBe("AbortError");
    await second;
    expect(bastion.logins).toBe(1);
  });

  test("a dial that nobody waits for is broken off", async () => {
    const bastion = await server({ password: "x" });
    bastion.stallLogins = true;
    const controller = new AbortController();
    const service = sshService({ host: "127.0.0.1", port: bastion.port, password: "x" }, 1);
    const opening = failure(driver.open(service, { signal: controller.signal, access: home.access }));
    await vi.waitFor(() => expect(bastion.attempts).toContain("password"), { timeout: 5000 });
    controller.abort();
    await opening;
    await vi.waitFor(() => expect(bastion.connections.size).toBe(0), { timeout: 5000 });
  });

  test("it is kept for a moment, then closed", async () => {
    const bastion = await server();
    (await open(bastion.port, { password: "x" })).destroy();
    (await open(bastion.port, { password: "x" })).destroy();
    expect(bastion.logins).toBe(1);
    await vi.waitFor(() => expect(bastion.connections.size).toBe(0), { timeout: 5000 });
  });

  test("after a loss the next open dials anew", async () => {
    const bastion = await server();
    const lost = await open(bastion.port, { password: "x" });
    bastion.cut();
    expect((await lost.closed)?.code).toBe("connection_lost");
    const again = await open(bastion.port, { password: "x" });
    expect(bastion.logins).toBe(2);
    expect(again.via).toBe("ssh 127.0.0.1");
  });
});

describe("~/.ssh/config", () => {
  test("an alias is resolved with its host, port, user and key", async () => {
    const key = newKey();
    const bastion = await server({ authorizedKeys: [key.public] });
    await home.write("bastion_key", key.private);
    await home.write("more", `Host bast*\n  IdentityFile ~/.ssh/bastion_key\n`);
    await home.write(
      "config",
      `Include more\nHost bastion\n  HostName 127.0.0.1\n  Port ${bastion.port}\n  User "deploy"\nHost *\n  User nobody\n`,
    );
    const service = sshService({ host: "bastion" }, 1);
    const transport = await driver.open(service, { signal: never(), access: home.access });
    expect(transport.via).toBe("ssh bastion");
    expect(bastion.logins).toBe(1);
  });
});
