import { execFileSync } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { closing } from "../contract/forward-driver-targets.ts";
import { socketStatistics } from "../support/openssh-programs.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { killNow } from "../support/kill-now.ts";

const { TB_SSH_HOST, TB_SSH_PORT, TB_BASTION_PORT, TB_SSH_CLIENT_DIR = "", TB_REDIS_PORT } = process.env;
const never = (): AbortSignal => new AbortController().signal;
const inClientDir = (name: string): string => path.join(TB_SSH_CLIENT_DIR, name);

describe.skipIf(!TB_SSH_PORT || !TB_BASTION_PORT)("the testbed's sshd (skipped: TB_SSH_PORT is not set)", () => {
  let home: SshHome;
  let driver: ForwardDriver;

  beforeEach(async () => {
    home = await sshHome();
    driver = createSshDriver();
  });
  afterEach(async () => {
    await driver.close();
    await home[Symbol.asyncDispose]();
  });

  const open = (connection: Record<string, unknown>): Promise<Transport> => {
    const keys = {
      host: TB_SSH_HOST,
      port: Number(TB_BASTION_PORT),
      user: "tbuser",
      known_hosts_file: inClientDir("known_hosts"),
      remote_host: "127.0.0.1",
      ...connection,
    };
    return driver.open(sshService(keys, Number(TB_REDIS_PORT)), { signal: never(), access: home.access });
  };

  async function ping(transport: Transport): Promise<string> {
    const stream = await transport.connect({ signal: never() });
    stream.write("PING\r\n");
    const [answer] = (await once(stream, "data")) as [Buffer];
    stream.destroy();
    return String(answer);
  }

  const failure = (work: Promise<unknown>): Promise<ConnectivityError> =>
    work.then(
      () => expect.unreachable("it should have failed"),
      (error: unknown) => error as ConnectivityError,
    );

  test.each([
    ["an Ed25519 key", () => ({ key_file: inClientDir("id_plain") })],
    ["an RSA key", () => ({ key_file: inClientDir("id_rsa") })],
    ["an encrypted key", () => ({ key_file: inClientDir("id_enc"), passphrase: `\${env:PASSPHRASE}` })],
    ["a password", () => ({ password: `\${env:PASSWORD}` })],
    [
      "OpenSSH and an encrypted key",
      () => ({ key_file: inClientDir("id_enc"), passphrase: `\${env:PASSPHRASE}`, driver: "openssh" }),
    ],
    ["OpenSSH and a password", () => ({ password: `\${env:PASSWORD}`, driver: "openssh" })],
  ])("Redis answers PING behind the bastion, with %s", async (_, login) => {
    home.env["PASSPHRASE"] = "tb-passphrase";
    home.env["PASSWORD"] = "tb-password";
    expect(await ping(await open(login()))).toBe("+PONG\r\n");
  });

  test("the target server's two host keys: either is enough", async () => {
    const transport = await open({ port: Number(TB_SSH_PORT), key_file: inClientDir("id_plain") });
    expect(transport.facts()["host_key"]).toBe("ssh-ed25519");
    expect(await ping(transport)).toBe("+PONG\r\n");
  });

  test("the wrong host key is refused", async () => {
    const opening = open({ key_file: inClientDir("id_plain"), known_hosts_file: inClientDir("known_hosts_wrong") });
    expect((await failure(opening)).code).toBe("host_key_changed");
  });

  test("a host that only a certificate authority vouches for: OpenSSH verifies its certificate", async () => {
    const transport = await open({
      key_file: inClientDir("id_plain"),
      known_hosts_file: inClientDir("known_hosts_ca"),
    });
    expect(transport.facts()).toMatchObject({ driver: "openssh", driver_because: "host_certificate" });
    expect(await ping(transport)).toBe("+PONG\r\n");
    const opening = open({
      key_file: inClientDir("id_plain"),
      known_hosts_file: inClientDir("known_hosts_ca"),
      driver: "ssh2",
    });
    expect(await failure(opening)).toMatchObject({
      code: "host_key_unknown",
      facts: { only_by_certificate_authority: true },
    });
  });

  test("a key that logs in by its certificate only", async () => {
    const transport = await open({ key_file: inClientDir("id_cert"), port: Number(TB_SSH_PORT) });
    expect(transport.facts()).toMatchObject({ driver: "openssh", driver_because: "certificate" });
    expect(await ping(transport)).toBe("+PONG\r\n");
    const alone = open({ key_file: inClientDir("id_cert"), port: Number(TB_SSH_PORT), driver: "ssh2" });
    expect((await failure(alone)).code).toBe("ssh_authentication_failed");
  });

  test.each([
    ["a stranger's key", () => ({ key_file: inClientDir("id_stranger") }), "ssh_authentication_failed"],
    [
      "an encrypted key without its passphrase",
      () => ({ key_file: inClientDir("id_enc") }),
      "ssh_key_passphrase_required",
    ],
    [
      "a wrong passphrase",
      () => ({ key_file: inClientDir("id_enc"), passphrase: "wrong" }),
      "ssh_key_passphrase_required",
    ],
    ["a wrong password", () => ({ password: "wrong" }), "ssh_authentication_failed"],
    ["a wrong user", () => ({ key_file: inClientDir("id_plain"), user: "nobody" }), "ssh_authentication_failed"],
    [
      "an expired certificate",
      () => ({ key_file: inClientDir("id_expired"), port: Number(TB_SSH_PORT) }),
      "ssh_certificate_expired",
    ],
    [
      "by OpenSSH, a stranger's key",
      () => ({ key_file: inClientDir("id_stranger"), driver: "openssh" }),
      "ssh_authentication_failed",
    ],
    ["by OpenSSH, a wrong password", () => ({ password: "wrong", driver: "openssh" }), "ssh_authentication_failed"],
  ])("%s", async (_, login, code) => {
    expect((await failure(open(login()))).code).toBe(code);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "the session killed on the server: noticed, and dialled anew (skipped: needs root)",
    async () => {
      const transport = await open({ key_file: inClientDir("id_plain") });
      const stream = await transport.connect({ signal: never() });
      const closed = closing(stream);
      const started = performance.now();
      sessionsOf(Number(TB_BASTION_PORT)).forEach(killNow);
      expect(await transport.closed).toMatchObject({ code: "connection_lost" });
      expect(performance.now() - started).toBeLessThan(3000);
      expect(await closed).toMatchObject({ code: "connection_lost" });
      expect(await ping(await open({ key_file: inClientDir("id_plain") }))).toBe("+PONG\r\n");
    },
  );
});

/** The server's processes of the connections that this process has to one of its ports, and of no others. */
function sessionsOf(serverPort: number): number[] {
  const ss = (...filter: string[]): string =>
    String(execFileSync(socketStatistics, ["-tnpH", "state", "established", ...filter]));
  const ours = ss(`dst 127.0.0.1:${serverPort}`)
    .split("\n")
    .filter((line) => line.includes(`pid=${process.pid},`))
    .map((line) => /127\.0\.0\.1:(\d+)\s/.exec(line)?.[1]);
  const theirs = ours.map((port) => ss(`src 127.0.0.1:${serverPort} and dst 127.0.0.1:${port}`)).join("\n");
  return [...new Set([...theirs.matchAll(/\("sshd",pid=(\d+),/g)].map(([, pid]) => Number(pid)))];
}
