import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { chmod, copyFile, readFile, readdir } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { serviceSchema } from "#domain/spec/service.ts";
import { closing, startEcho, startTarget } from "../contract/forward-driver-targets.ts";
import { keygen } from "../support/openssh-programs.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { hasSsh } from "../support/ssh-g.ts";
import { hasSshd, startSshd, type Sshd } from "../support/sshd.ts";

const never = (): AbortSignal => new AbortController().signal;

describe.skipIf(!hasSshd || !hasSsh)("the system's OpenSSH (skipped where it is not installed)", () => {
  let home: SshHome;
  let driver: ForwardDriver;
  const scope: AsyncDisposable[] = [];

  beforeEach(async () => {
    home = await sshHome();
    home.env["PATH"] = process.env["PATH"] ?? "";
    driver = createSshDriver({
      limits: { handshakeMs: 3000, loginMs: 6000, keepaliveMs: 1000, keepaliveCount: 1 },
      lingerMs: 100,
    });
  });
  afterEach(async () => {
    await driver.close();
    vi.unstubAllEnvs();
    for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  async function sshd(settings: readonly string[] = []): Promise<Sshd> {
    const server = await startSshd(settings);
    scope.push(server);
    await home.write("known_hosts", server.knownHosts);
    return server;
  }

  const open = (port: number, connection: Record<string, unknown> = {}, targetPort = 1): Promise<Transport> => {
    const keys = { host: "127.0.0.1", port, remote_host: "127.0.0.1", driver: "openssh", ...connection };
    return driver.open(sshService(keys, targetPort), { signal: never(), access: home.access });
  };
  const login = (server: Sshd) => ({ user: server.user, key_file: server.keyFile });

  const failure = (work: Promise<unknown>): Promise<ConnectivityError> =>
    work.then(
      () => expect.unreachable("it should have failed"),
      (error: unknown) => error as ConnectivityError,
    );

  const key = (name: string, ...argv: string[]): string => {
    const file = path.join(home.dir, ".ssh", name);
    execFileSync(keygen, ["-q", "-t", "ed25519", "-N", "", "-f", file, ...argv]);
    return file;
  };

  test("says what runs, and leaves nothing behind", async () => {
    const server = await sshd();
    vi.stubEnv("TMPDIR", home.dir);
    const transport = await open(server.port, login(server));
    expect(transport.facts()).toMatchObject({
      driver: "openssh",
      driver_because: "asked_for",
      server: expect.stringMatching(/^OpenSSH \d/),
      cipher: expect.any(String),
      crypto: expect.stringMatching(/^OpenSSH \d/),
    });
    expect(await leftovers()).toHaveLength(1);
    await driver.close();
    await vi.waitFor(async () => expect(await leftovers()).toEqual([]), { timeout: 5000 });
  });

  test("offers the keys of the person's home folder, also where HOME is not the one of the user database", async () => {
    const server = await sshd();
    await copyFile(server.keyFile, path.join(home.dir, ".ssh", "id_ed25519"));
    const transport = await open(server.port, { user: server.user });
    expect(transport.facts()).toMatchObject({ driver: "openssh" });
  });

  test("[ssh-nothing-left] a daemon that is killed leaves no ssh behind", async () => {
    const server = await sshd();
    const echo = await startEcho();
    scope.push(echo);
    const connection = {
      host: "127.0.0.1",
      port: server.port,
      ...login(server),
      known_hosts_file: server.knownHostsFile,
    };
    const settings = {
      connections: [{ ...connection, remote_host: "127.0.0.1", driver: "openssh" }],
      targetPort: echo.port,
    };
    const entry = path.join(import.meta.dirname, "../../bench/ssh-entry.ts");
    const child = spawn(process.execPath, [entry, JSON.stringify({ ...settings, javascript: false })], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TMPDIR: home.dir },
    });
    await once(child.stdout, "data");
    // Its own arguments name the key of this test's server.
    const running = (): number[] =>
      processesWith(`IdentityFile="${server.keyFile}"`).filter((pid) => pid !== process.pid && pid !== child.pid);
    expect(running().length).toBeGreaterThan(0);
    child.kill("SIGKILL");
    await vi.waitFor(() => expect(running()).toEqual([]), { timeout: 10_000, interval: 200 });
  });

  test("a Unix socket behind the server, and a target whose name cannot be resolved", async () => {
    const server = await sshd();
    const socket = path.join(home.dir, "s");
    const listener = net.createServer((client) => client.end("hello")).listen(socket);
    await once(listener, "listening");
    const transport = await open(server.port, { ...login(server), remote_socket: socket });
    const stream = await transport.connect({ signal: never() });
    expect(String((await once(stream, "data"))[0])).toBe("hello");
    listener.close();
    const elsewhere = await open(server.port, { ...login(server), remote_host: "no-such-host.invalid" });
    expect(await failure(elsewhere.connect({ signal: never() }))).toMatchObject({
      code: "target_unreachable",
      facts: { target: "no-such-host.invalid:1" },
    });
  });

  test.each([["AllowTcpForwarding no"], ["PermitOpen 127.0.0.1:9"]])("%s", async (setting) => {
    const server = await sshd([setting]);
    const transport = await open(server.port, login(server));
    expect((await failure(transport.connect({ signal: never() }))).code).toBe("ssh_forwarding_prohibited");
  });

  test("a server that freezes is noticed by keepalive", async () => {
    const server = await sshd();
    const echo = await startEcho();
    scope.push(echo);
    const transport = await open(server.port, login(server), echo.port);
    const stream = await transport.connect({ signal: never() });
    const closed = closing(stream);
    server.freezeSessions();
    expect(await transport.closed).toMatchObject({ code: "connection_lost", facts: { keepalive: "unanswered" } });
    expect(await closed).toMatchObject({ code: "connection_lost" });
  }, 20_000);

  test("host keys: unknown with its fingerprint, changed and revoked", async () => {
    const server = await sshd();
    const fingerprint = /SHA256:\S+/.exec(
      String(execFileSync(keygen, ["-lf", "-"], { input: server.knownHosts.replace(/^\S+ /, "") })),
    )?.[0];
    await home.write("known_hosts", "");
    expect(await failure(open(server.port, login(server)))).toMatchObject({
      code: "host_key_unknown",
      facts: { fingerprint, key_type: "ssh-ed25519" },
    });
    const other = await readFile(`${key("other")}.pub`, "utf8");
    const file = await home.write("known_hosts", `# one\n[127.0.0.1]:${server.port} ${other}`);
    expect(await failure(open(server.port, login(server)))).toMatchObject({
      code: "host_key_changed",
      facts: { known_hosts_file: file, known_hosts_line: 2 },
    });
    await home.write("known_hosts", `@revoked * ${server.knownHosts.replace(/^\S+ /, "")}`);
    expect(await failure(open(server.port, login(server)))).toMatchObject({
      code: "host_key_changed",
      facts: { revoked: true },
    });
  });

  test("logins that fail: stranger, wrong user, key without rights or missing, no agent", async () => {
    const server = await sshd();
    const stranger = key("stranger");
    expect(await failure(open(server.port, { user: server.user, key_file: stranger }))).toMatchObject({
      code: "ssh_authentication_failed",
      facts: { tried: [expect.stringContaining(stranger)], offered_by_server: expect.arrayContaining(["publickey"]) },
    });
    expect((await failure(open(server.port, { ...login(server), user: "nobody-knows" }))).code).toBe(
      "ssh_authentication_failed",
    );
    const open644 = path.join(home.dir, ".ssh", "open");
    await copyFile(server.keyFile, open644);
    await chmod(open644, 0o644);
    expect((await failure(open(server.port, { user: server.user, key_file: open644 }))).code).toBe(
      "ssh_key_unreadable",
    );
    expect((await failure(open(server.port, { user: server.user, key_file: "/no/key" }))).code).toBe("ssh_key_missing");
    home.env["SSH_AUTH_SOCK"] = path.join(home.dir, "no-agent");
    expect((await failure(open(server.port, { user: server.user }))).code).toBe("ssh_agent_unavailable");
  });

  test("servers that are not there, or something else", async () => {
    const said = async (text: string, end: boolean): Promise<number> => {
      const target = await startTarget((socket) => {
        socket.write(text);
        if (end) socket.end();
        socket.resume();
      });
      scope.push(target);
      return target.port;
    };
    const listener = net.createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as net.AddressInfo;
    listener.close();
    expect(await failure(open(port))).toMatchObject({ code: "host_unreachable", facts: { errno: "ECONNREFUSED" } });
    expect((await failure(open(22, { host: "no-such-host.invalid" }))).code).toBe("host_unresolved");
    const web = await failure(open(await said("HTTP/1.1 400 canary\r\n\r\n", true)));
    expect(web.code).toBe("protocol_mismatch");
    expect(JSON.stringify([web.message, web.facts])).not.toContain("canary");
    expect((await failure(open(await said("Exceeded MaxStartups\r\n", true)))).code).toBe("ssh_session_limit");
    expect((await failure(open(await said("", false)))).code).toBe("host_unreachable");
  }, 20_000);

  test("no ssh in PATH, and none that is OpenSSH", async () => {
    home.env["PATH"] = home.dir;
    expect((await failure(open(22))).code).toBe("not_supported");
    const fake = path.join(home.dir, "ssh");
    await copyFile("/bin/true", fake);
    await chmod(fake, 0o755);
    expect((await failure(open(22))).message).toMatch(/is not OpenSSH/);
  });

  test("a ProxyCommand that only a shell can run chooses it by itself", async () => {
    const server = await sshd();
    const echo = await startEcho();
    scope.push(echo);
    const pipe = await home.write(
      "pipe.cjs",
      `const s = require("node:net").connect(${server.port}, "127.0.0.1"); process.stdin.pipe(s).pipe(process.stdout);`,
    );
    await home.write(
      "config",
      `Host behind\n HostName 127.0.0.1\n Port ${server.port}\n ProxyCommand ${process.execPath} ${pipe} 2>/dev/null\n`,
    );
    const keys = { host: "behind", remote_host: "127.0.0.1", ...login(server) };
    const transport = await driver.open(sshService(keys, echo.port), { signal: never(), access: home.access });
    expect(transport.facts()).toMatchObject({ driver: "openssh", driver_because: "proxy_command" });
    const stream = await transport.connect({ signal: never() });
    stream.end("x");
    expect(String((await once(stream, "data"))[0])).toBe("x");
    await home.write("config", `Host behind\n ProxyCommand false; exit 1\n`);
    expect(await failure(driver.open(sshService(keys, 1), { signal: never(), access: home.access }))).toMatchObject({
      code: "ssh_jump_failed",
      facts: { hop: "ProxyCommand" },
    });
  });

  test("the server's own port, by -R, and back through it", async () => {
    const server = await sshd();
    const target = await startTarget((socket) => socket.end("from here"));
    scope.push(target);
    const connection = {
      host: "127.0.0.1",
      port: server.port,
      driver: "openssh",
      direction: "remote",
      ...login(server),
    };
    const service = serviceSchema.parse({ name: "back", technology: "ssh", local_port: target.port, connection });
    const transport = await driver.open(service, { signal: never(), access: home.access });
    const remotePort = Number(/:(\d+)$/.exec(transport.endpoint ?? "")?.[1]);
    const client = net.connect(remotePort, "127.0.0.1");
    expect(String((await once(client, "data"))[0])).toBe("from here");
    client.destroy();
  });
});

/** Processes that have a text in their arguments. */
function processesWith(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "latin1").includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Folders of connections that are there. */
const leftovers = async (): Promise<readonly string[]> =>
  (await readdir(os.tmpdir())).filter((name) => name.startsWith("pw-ssh-"));
