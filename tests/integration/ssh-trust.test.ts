import { once } from "node:events";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { Sandbox } from "../support/processes.ts";
import { runCli } from "../support/run-cli.ts";
import { sshHome, sshService } from "../support/ssh-client.ts";
import { newKey, startSshServer, type SshServer, type SshServerOptions } from "../support/ssh-server.ts";

describe("[ssh-trust-by-person] portwright ssh trust", () => {
  let sandbox: Sandbox;
  let known: string;
  const scope: AsyncDisposable[] = [];

  beforeEach(async () => {
    sandbox = new Sandbox();
    await mkdir(path.join(sandbox.home, ".ssh"), { recursive: true, mode: 0o700 });
    known = path.join(sandbox.home, ".ssh", "known_hosts");
  });
  afterEach(async () => {
    for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
  });

  async function server(options: SshServerOptions = {}): Promise<SshServer> {
    const started = await startSshServer(options);
    scope.push(started);
    return started;
  }
  const inSsh = (name: string, text: string): Promise<void> =>
    writeFile(path.join(sandbox.home, ".ssh", name), text, { mode: 0o600 });

  test("every key is shown and, at the person's word, written; then nothing is asked any more", async () => {
    const bastion = await server({ hostKeys: [newKey().private, newKey("ecdsa").private], password: "x" });
    await inSsh("config", "HashKnownHosts no\n");
    await inSsh("known_hosts", "# no newline at the end");
    const host = `127.0.0.1:${bastion.port}`;
    const run = await runCli(sandbox, ["ssh", "trust", host, "--output", "json"], { person: ["yes"] });
    expect(run.code).toBe(0);
    const answer = JSON.parse(run.stdout) as { keys: { fingerprint: string; verdict: string }[]; trusted: boolean };
    expect(answer.trusted).toBe(true);
    expect(answer.keys).toHaveLength(2);
    for (const { fingerprint } of answer.keys) expect(run.stderr).toContain(fingerprint);
    expect(await readFile(known, "utf8")).toBe(`# no newline at the end\n${bastion.knownHosts.join("\n")}\n`);
    expect(bastion.attempts).toEqual([]);
    const again = await runCli(sandbox, ["ssh", "trust", host]);
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining("is known already")]);
  });

  test("without a terminal, and with another word, nothing is written", async () => {
    const bastion = await server();
    const host = `127.0.0.1:${bastion.port}`;
    const nobody = await runCli(sandbox, ["ssh", "trust", host]);
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("approval_required")]);
    expect((await runCli(sandbox, ["ssh", "trust", host], { person: ["y"] })).code).toBe(1);
    await expect(stat(known)).rejects.toThrow(/ENOENT/);
  });

  test("a changed and a revoked key are not taken, whatever is typed", async () => {
    const bastion = await server();
    const other = await server();
    const host = `127.0.0.1:${bastion.port}`;
    const line = `${other.knownHosts[0]?.replace(String(other.port), String(bastion.port))}\n`;
    for (const text of [line, `@revoked ${bastion.knownHosts[0]}\n`]) {
      await inSsh("known_hosts", text);
      const run = await runCli(sandbox, ["ssh", "trust", host], { person: ["yes"] });
      expect([run.code, run.stderr]).toEqual([1, expect.stringContaining("host_key_changed")]);
      expect(await readFile(known, "utf8")).toBe(text);
    }
  });

  test("by the name of ~/.ssh/config, behind a hop, hashed, in another file", async () => {
    const inner = await server();
    const hop = await server();
    await inSsh("known_hosts", `${hop.knownHosts[0]}\n`);
    await inSsh("id_ed25519", newKey().private);
    await inSsh(
      "config",
      `Host inner\n HostName 127.0.0.1\n Port ${inner.port}\n ProxyJump hop\nHost hop\n HostName 127.0.0.1\n Port ${hop.port}\nHost *\n HashKnownHosts yes\n`,
    );
    const file = path.join(sandbox.home, "elsewhere", "known");
    const run = await runCli(sandbox, ["ssh", "trust", "inner", "--known-hosts", file], { person: ["yes"] });
    expect([run.code, run.stdout]).toEqual([0, expect.stringContaining("is trusted")]);
    expect(await readFile(file, "utf8")).toMatch(/^\|1\|\S+ ssh-ed25519 /);
    expect(hop.logins).toBe(1);
    const given = await runCli(sandbox, ["ssh", "trust", `127.0.0.1:${inner.port}`, "--via", "hop"], { person: [""] });
    expect(given.stderr).toContain("ssh hop → ssh 127.0.0.1");
  });

  test("what is no server, and what is no action", async () => {
    const listener = net.createServer((socket) => socket.end("HTTP/1.1 400 no\r\n\r\n")).listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as net.AddressInfo;
    expect((await runCli(sandbox, ["ssh", "trust", `127.0.0.1:${port}`])).stderr).toContain("protocol_mismatch");
    listener.close();
    expect((await runCli(sandbox, ["ssh", "trust", `127.0.0.1:${port}`])).stderr).toContain("host_unreachable");
    expect((await runCli(sandbox, ["ssh", "trsut", "x"])).code).toBe(2);
  });
});

describe("host keys of a running service", () => {
  const never = (): AbortSignal => new AbortController().signal;

  test("changed in mid-life: the open connection ends, the next login is refused, and no key is offered", async () => {
    await using home = await sshHome();
    await using before = await startSshServer({ password: "x" });
    await using after = await startSshServer({ password: "x" });
    let current = before;
    const relay = net.createServer((client) => {
      const far = net.connect(current.port, "127.0.0.1");
      client.pipe(far).pipe(client);
      const both = [client, far];
      for (const socket of both) socket.on("error", () => both.forEach((end) => end.destroy()));
    });
    relay.listen(0, "127.0.0.1");
    await once(relay, "listening");
    const { port } = relay.address() as net.AddressInfo;
    await home.write("known_hosts", before.knownHosts.join("\n").replaceAll(String(before.port), String(port)));
    const driver = createSshDriver({ lingerMs: 100 });
    const service = sshService({ host: "127.0.0.1", port, password: "x" }, 1);
    const transport = await driver.open(service, { signal: never(), access: home.access });
    current = after;
    before.cut();
    expect((await transport.closed)?.code).toBe("connection_lost");
    const error = await driver.open(service, { signal: never(), access: home.access }).then(
      () => expect.unreachable("it should have been refused"),
      (thrown: unknown) => thrown as ConnectivityError,
    );
    expect(error).toMatchObject({ code: "host_key_changed", retryable: false });
    expect(after.attempts).toEqual([]);
    await driver.close();
    relay.close();
  });

  test("StrictHostKeyChecking accept-new writes a first key down; no is not followed, and a changed one never is", async () => {
    await using home = await sshHome();
    await using bastion = await startSshServer({ password: "x" });
    await using other = await startSshServer({ password: "x" });
    const driver = createSshDriver({ lingerMs: 1 });
    const open = (user: string) => {
      const service = sshService({ host: "127.0.0.1", port: bastion.port, password: "x", user }, 1);
      return driver.open(service, { signal: never(), access: home.access }).then(
        () => "open",
        (thrown: unknown) => (thrown as ConnectivityError).code,
      );
    };
    await home.write("config", "StrictHostKeyChecking no\n");
    expect(await open("a")).toBe("host_key_unknown");
    await home.write("config", "StrictHostKeyChecking accept-new\n");
    expect(await open("b")).toBe("open");
    const known = path.join(home.dir, ".ssh", "known_hosts");
    await vi.waitFor(async () => expect(await readFile(known, "utf8")).toBe(`${bastion.knownHosts[0]}\n`));
    await writeFile(known, `${other.knownHosts[0]?.replace(String(other.port), String(bastion.port))}\n`);
    expect(await open("c")).toBe("host_key_changed");
    await driver.close();
  });

  test("HostKeyAlias is the name in known_hosts, without a port", async () => {
    await using home = await sshHome();
    await using bastion = await startSshServer({ password: "x" });
    await using other = await startSshServer({ password: "x" });
    await home.write("config", `Host box\n HostName 127.0.0.1\n Port ${bastion.port}\n HostKeyAlias the-box\n`);
    const driver = createSshDriver({ lingerMs: 1 });
    const open = (user: string) => {
      const service = sshService({ host: "box", password: "x", user }, 1);
      return driver.open(service, { signal: never(), access: home.access }).then(
        ({ via }) => via,
        (thrown: unknown) => thrown as ConnectivityError,
      );
    };
    const named = (server: SshServer) => server.knownHosts[0]?.replace(/^\S+/, "the-box") ?? "";
    expect(await open("a")).toMatchObject({
      code: "host_key_unknown",
      facts: { known_hosts_line: named(bastion), trust_command: `portwright ssh trust box:${bastion.port}` },
    });
    await home.write("known_hosts", named(bastion));
    expect(await open("b")).toBe("ssh box");
    await home.write("known_hosts", named(other));
    expect(await open("c")).toMatchObject({ code: "host_key_changed" });
    await driver.close();
  });
});
