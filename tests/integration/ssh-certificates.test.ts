import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { copyFile, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { startEcho } from "../contract/forward-driver-targets.ts";
import { agentAdd, agentProgram, keygen } from "../support/openssh-programs.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { hasSsh } from "../support/ssh-g.ts";
import { hasSshd, startSshd, type Sshd } from "../support/sshd.ts";

const never = (): AbortSignal => new AbortController().signal;

describe.skipIf(!hasSshd || !hasSsh)("[ssh-certificates] OpenSSH (skipped where it is not installed)", () => {
  let home: SshHome;
  let driver: ForwardDriver;
  let authority: string;
  const scope: AsyncDisposable[] = [];

  const inHome = (name: string): string => path.join(home.dir, ".ssh", name);
  const keygenRun = (...argv: string[]): void => void execFileSync(keygen, ["-q", ...argv]);
  const key = (name: string): string => {
    keygenRun("-t", "ed25519", "-N", "", "-f", inHome(name));
    return inHome(name);
  };
  /** Signs a key: its certificate lies beside it. */
  const sign = (file: string, validity: string, ...argv: string[]): void =>
    keygenRun("-s", authority, "-I", "canary-id", "-n", "root,tester", "-V", validity, ...argv, `${file}.pub`);

  beforeEach(async () => {
    home = await sshHome();
    home.env["PATH"] = process.env["PATH"] ?? "";
    driver = createSshDriver({ lingerMs: 100 });
    authority = key("authority");
  });
  afterEach(async () => {
    await driver.close();
    for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  async function sshd(...settings: string[]): Promise<Sshd> {
    const server = await startSshd([`TrustedUserCAKeys ${authority}.pub`, ...settings]);
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

  test("one beside the key chooses OpenSSH and logs in; its end is told", async () => {
    const echo = await startEcho();
    scope.push(echo);
    const server = await sshd();
    const file = key("signed");
    sign(file, "-1h:+2h", "-O", "clear", "-O", "permit-port-forwarding");
    const transport = await open(server, { key_file: file }, echo.port);
    expect(transport.facts()).toMatchObject({ driver: "openssh", driver_because: "certificate" });
    const stream = await transport.connect({ signal: never() });
    stream.end("x");
    expect(String((await once(stream, "data"))[0])).toBe("x");
    const [expiry] = transport.expiries?.() ?? [];
    expect(expiry?.what).toContain("certificate");
    expect((expiry?.atMs ?? 0) - Date.now()).toBeGreaterThan(3_600_000);
  });

  test("ssh2 alone is refused with it", async () => {
    const server = await sshd();
    const file = key("signed");
    sign(file, "-1h:+2h");
    const error = await failure(open(server, { key_file: file, driver: "ssh2" }));
    expect(error.code).toBe("ssh_authentication_failed");
  });

  test("one that CertificateFile names", async () => {
    const server = await sshd();
    const file = key("signed");
    sign(file, "-1h:+2h");
    await copyFile(`${file}-cert.pub`, inHome("elsewhere.pub"));
    execFileSync("rm", [`${file}-cert.pub`]);
    await home.write("config", `IdentityFile ${file}\nCertificateFile ~/.ssh/elsewhere.pub\n`);
    // OpenSSH's own ~ is that of the user database.
    await home.write("config", `IdentityFile ${file}\nCertificateFile ${inHome("elsewhere.pub")}\n`);
    expect((await open(server)).facts()).toMatchObject({ driver_because: "certificate" });
  });

  test("one that the agent holds chooses OpenSSH", async () => {
    const server = await sshd();
    const file = key("signed");
    sign(file, "-1h:+2h");
    const socket = path.join(home.dir, "agent.sock");
    const printed = String(execFileSync(agentProgram, ["-s", "-a", socket]));
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(printed)?.[1]);
    scope.push({ [Symbol.asyncDispose]: () => Promise.resolve(void process.kill(pid)) });
    execFileSync(agentAdd, ["-q", file], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    for (const end of ["", ".pub", "-cert.pub"]) await rm(`${file}${end}`);
    home.env["SSH_AUTH_SOCK"] = socket;
    expect((await open(server)).facts()).toMatchObject({ driver_because: "certificate_in_agent" });
  });

  test("RevokedHostKeys is OpenSSH's to read, and never left out", async () => {
    const server = await sshd();
    const list = await home.write("refused", server.knownHosts.replace(/^\S+ /, ""));
    await home.write("config", `RevokedHostKeys ${list}\n`);
    expect(await failure(open(server, { key_file: server.keyFile }))).toMatchObject({
      code: "host_key_changed",
      facts: { revoked: true },
    });
    expect((await failure(open(server, { key_file: server.keyFile, driver: "ssh2" }))).code).toBe("not_supported");
  });

  test("one that has expired is named, with its time", async () => {
    const server = await sshd();
    const file = key("signed");
    sign(file, "-2h:-1h");
    const error = await failure(open(server, { key_file: file }));
    expect(error).toMatchObject({
      code: "ssh_certificate_expired",
      facts: { certificate_expired: `${file}-cert.pub`, valid_until: expect.stringMatching(/^\d{4}-/) },
    });
    expect(JSON.stringify([error.message, error.facts])).not.toContain("canary");
  });

  test("a key that the server has revoked", async () => {
    const file = key("revoked");
    const revoked = await home.write("revoked_keys", await readFile(`${file}.pub`, "utf8"));
    sign(file, "-1h:+2h");
    const server = await sshd(`RevokedKeys ${revoked}`);
    const error = await failure(open(server, { key_file: file }));
    expect(error).toMatchObject({
      code: "ssh_authentication_failed",
      facts: { tried: expect.arrayContaining([expect.stringContaining(file)]) },
    });
  });

  test("a host that is known by its authority only", async () => {
    const hostKey = key("host_key");
    keygenRun("-s", authority, "-I", "host", "-h", "-n", "127.0.0.1", "-V", "-1h:+1h", `${hostKey}.pub`);
    const server = await sshd(`HostKey ${hostKey}`, `HostCertificate ${hostKey}-cert.pub`);
    const ca = await readFile(`${authority}.pub`, "utf8");
    await home.write("known_hosts", `@cert-authority [127.0.0.1]:* ${ca}`);
    const transport = await open(server, { key_file: server.keyFile });
    expect(transport.facts()).toMatchObject({
      driver_because: "host_certificate",
      host_key: expect.stringContaining("cert"),
    });
    const other = await readFile(`${key("other")}.pub`, "utf8");
    await home.write("known_hosts", `@cert-authority [127.0.0.1]:* ${other}`);
    driver = createSshDriver({ lingerMs: 100 });
    expect((await failure(open(server, { key_file: server.keyFile, user: "root" }))).code).toBe("host_key_unknown");
  });
});
