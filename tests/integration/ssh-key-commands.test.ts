import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadPrivateKey } from "#adapters/ssh/private-key.ts";
import { Sandbox } from "../support/processes.ts";
import { runCli } from "../support/run-cli.ts";
import { hasSsh } from "../support/ssh-g.ts";
import { newKey, startSshServer, type SshServer } from "../support/ssh-server.ts";

describe.skipIf(!hasSsh)("[ssh-key-rotation] portwright ssh key (needs OpenSSH's client)", () => {
  let sandbox: Sandbox;
  let far: string;
  let server: SshServer;
  const old = newKey();

  const ssh = (name: string): string => path.join(sandbox.home, ".ssh", name);
  const authorized = (): Promise<string> => readFile(path.join(far, ".ssh", "authorized_keys"), "utf8");
  const run = (words: string[], ...person: string[]) =>
    runCli(sandbox, ["ssh", "key", ...words], { person, env: { PATH: process.env["PATH"] ?? "", USER: "ada" } });

  beforeEach(async () => {
    sandbox = new Sandbox();
    far = await mkdtemp(path.join(os.tmpdir(), "portwright-far-"));
    for (const home of [sandbox.home, far]) await mkdir(path.join(home, ".ssh"), { recursive: true, mode: 0o700 });
    await writeFile(path.join(far, ".ssh", "authorized_keys"), `# others\n${old.public.trim()} old`);
    server = await startSshServer({ home: far });
    await writeFile(ssh("known_hosts"), `${server.knownHosts[0]}\n`);
    await writeFile(ssh("work"), old.private, { mode: 0o600 });
    await writeFile(ssh("work.pub"), `${old.public.trim()}\n`);
    await configure("");
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await rm(far, { recursive: true, force: true });
    await sandbox[Symbol.asyncDispose]();
  });

  const configure = (more: string): Promise<void> =>
    writeFile(
      ssh("config"),
      `Host box\n HostName 127.0.0.1\n Port ${server.port}\n IdentityFile ${ssh("work")}\nHost *\n UserKnownHostsFile ${ssh("known_hosts")}\n User ada\n${more}`,
      { mode: 0o600 },
    );

  test("rotate: the new one is added, tried, and only then the old one taken off; its files stay beside", async () => {
    const { code, stdout, stderr } = await run(["rotate", "box"], "rotate");
    expect([code, stderr]).toEqual([0, expect.stringContaining("box takes ~/.ssh/work today")]);
    expect(stdout).toContain("box takes the new key");
    const fresh = (await readFile(ssh("work.pub"), "utf8")).trim();
    expect(await authorized()).toBe(`# others\n${fresh}\n`);
    expect(fresh).not.toContain(old.public.split(" ")[1]);
    expect((await loadPrivateKey(ssh("work"), undefined)).type).toBe("ssh-ed25519");
    expect((await stat(ssh("work"))).mode & 0o777).toBe(0o600);
    expect((await readdir(path.join(sandbox.home, ".ssh"))).filter((name) => name.includes(".old-"))).toHaveLength(2);
  });

  test("rotate: a run that was interrupted goes on, whatever it had done", async () => {
    // The new one was made and added, and then the terminal closed.
    const made = newKey();
    await writeFile(ssh("work.new"), made.private, { mode: 0o600 });
    await writeFile(path.join(far, ".ssh", "authorized_keys"), `${old.public.trim()} old\n${made.public.trim()} new\n`);
    expect((await run(["rotate", "box"], "rotate")).code).toBe(0);
    expect(await readFile(ssh("work"), "utf8")).toBe(made.private);
    expect(await authorized()).toBe(`${made.public.trim()} new\n`);
  });

  test("rotate: the place of the key has one that logs in before the old one is taken off", async () => {
    // No room on the host for what is left: the old key cannot be taken off.
    await writeFile(path.join(far, ".ssh", "authorized_keys"), `${old.public.trim()} old\n`);
    await writeFile(path.join(far, "mktemp"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const before = process.env["PATH"];
    process.env["PATH"] = `${far}:${before}`;
    const { code } = await run(["rotate", "box"], "rotate").finally(() => {
      process.env["PATH"] = before;
    });
    expect(code).toBe(1);
    expect(await authorized()).toContain((await readFile(ssh("work.pub"), "utf8")).split(" ")[1]);
    expect((await run(["rotate", "box"], "rotate")).code).toBe(0);
    // Both that were there before are off the host, and both lie beside.
    expect(await authorized()).toBe(`${(await readFile(ssh("work.pub"), "utf8")).trim()}\n`);
    expect((await readdir(path.join(sandbox.home, ".ssh"))).filter((name) => name.includes(".old-"))).toHaveLength(4);
  });

  test("rotate: without the word nothing changes", async () => {
    const before = await authorized();
    expect((await run(["rotate", "box"], "no")).code).toBe(1);
    expect(await authorized()).toBe(before);
    expect((await readdir(path.join(sandbox.home, ".ssh"))).toSorted()).toEqual([
      "config",
      "known_hosts",
      "work",
      "work.pub",
    ]);
  });

  test("rotate: a key that other hosts use stays where it is", async () => {
    await configure(`Host other\n IdentityFile ${ssh("work")}\n`);
    const { code, stdout } = await run(["rotate", "box"], "rotate");
    expect([code, stdout]).toEqual([0, expect.stringContaining("IdentityFile")]);
    expect(await readFile(ssh("work.pub"), "utf8")).toBe(`${old.public.trim()}\n`);
    expect(await authorized()).toContain((await readFile(ssh("id_ed25519_box.pub"), "utf8")).trim());
    expect(await authorized()).not.toContain(old.public.split(" ")[1]);
  });

  test("rotate: where no key logs in there is nothing to replace", async () => {
    await writeFile(path.join(far, ".ssh", "authorized_keys"), `${newKey().public}\n`);
    const { code, stderr } = await run(["rotate", "box"], "rotate");
    expect([code, stderr]).toEqual([1, expect.stringContaining("ssh_authentication_failed")]);
  });

  test("new: made and installed at the person's word, and never over another", async () => {
    const { code, stdout } = await run(["new", "box", "--output", "json"], "install");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ installed: true, works: true, file: ssh("id_ed25519_box") });
    expect(await authorized()).toContain((await readFile(ssh("id_ed25519_box.pub"), "utf8")).trim());
    expect((await run(["new", "box"], "install")).stderr).toContain("is there already");
    const only = await run(["new", "box", "--file", "~/.ssh/spare"], "no");
    expect([only.code, only.stdout]).toEqual([0, expect.stringContaining("is not installed")]);
    expect(await authorized()).not.toContain((await readFile(ssh("spare.pub"), "utf8")).trim());
  });

  test("needs a person, and a host", async () => {
    const nobody = await runCli(sandbox, ["ssh", "key", "new", "box"]);
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("approval_required")]);
    expect((await run(["new"])).code).toBe(2);
    expect((await run(["new", "-oProxyCommand=x"])).code).toBe(2);
    expect((await run(["new", "a;b"], "install")).stderr).toContain("config_invalid");
  });
});
