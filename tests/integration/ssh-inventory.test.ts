import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSshInventory } from "#adapters/ssh/inventory/create-inventory.ts";
import type { SshUse } from "#application/ports/ssh-inventory.ts";
import type { ConfigureServiceArgs } from "#application/surface/use-cases.ts";
import type { SshKeyFacts } from "#domain/ssh/key-care.ts";
import { makePortwright } from "../support/portwright.ts";
import { hasKeygen, keygen } from "../support/openssh-programs.ts";
import { sshHome, type SshHome } from "../support/ssh-client.ts";
import { newKey } from "../support/ssh-server.ts";

const inventory = createSshInventory();
const use = (service: string, host: string, keyFile?: string): SshUse => ({
  service,
  host,
  user: undefined,
  port: undefined,
  keyFile,
});

let home: SshHome;
beforeEach(async () => {
  home = await sshHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const context = () => ({ access: home.access, signal: new AbortController().signal });
const keys = async (...uses: SshUse[]): Promise<Map<string, SshKeyFacts>> =>
  new Map((await inventory.keys(uses, context())).map((key) => [key.file, key]));

test("hosts of the files and of services, resolved, with what is known of their key; no command runs", async () => {
  const { public: line } = newKey();
  const [type = "", blob = ""] = line.split(" ");
  await home.write("known_hosts", `one.example ${type} ${blob}\nknown-only ${type} ${blob}\n`);
  await home.write(
    "config",
    `Match exec "touch ${home.dir}/ran"\n User never\nHost one\n HostName one.example\n User ada\n IdentityFile ~/.ssh/k\n ProxyJump hop\nHost two\n ProxyCommand nc %h %p | cat\nHost bad\n Port nothing\nHost *.pattern\n`,
  );
  const { hosts, total } = await inventory.hosts([use("db", "one"), use("web", "elsewhere")], 50, context());
  expect(total).toBe(6);
  const by = new Map(hosts.map((host) => [host.host, host]));
  expect(by.get("one")).toEqual({
    host: "one",
    from: "~/.ssh/config",
    hostName: "one.example",
    user: "ada",
    port: 22,
    via: ["hop"],
    keyFiles: ["~/.ssh/k"],
    known: true,
    services: ["db"],
  });
  expect(by.get("two")).toMatchObject({ via: ["ProxyCommand"], known: false });
  expect(by.get("bad")?.problem).toMatch(/Port/);
  expect(by.get("elsewhere")).toMatchObject({ from: "service web", services: ["web"] });
  expect(by.get("known-only")?.from).toBe("known_hosts");
  expect(existsSync(path.join(home.dir, "ran"))).toBe(false);
  expect((await inventory.hosts([], 2, context())).hosts).toHaveLength(2);
});

test("keys without a program: PEM, missing, no key", async () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" });
  const file = await home.write("id_rsa", String(rsa));
  await chmod(file, 0o644);
  await utimes(file, new Date(0), new Date("2020-01-01"));
  await home.write("config", "Host a\n IdentityFile ~/.ssh/gone\n");
  await home.write("notes", "no key");
  const found = await keys(use("db", "x", "~/.ssh/notes"), use("api", "a"));
  expect(found.get("~/.ssh/id_rsa")).toMatchObject({
    type: "ssh-rsa",
    bits: 2048,
    encrypted: false,
    mode: 0o644,
    usual: true,
    writtenMs: Date.parse("2020-01-01"),
  });
  expect(found.get("~/.ssh/gone")).toMatchObject({ missing: true, hosts: ["a"], services: ["api"] });
  expect(found.get("~/.ssh/notes")).toMatchObject({ unreadable: true, services: ["db"] });
});

describe.skipIf(!hasKeygen)("[ssh-key-care] keys of ssh-keygen (skipped where it is not installed)", () => {
  const make = (name: string, ...argv: string[]): string => {
    const file = path.join(home.dir, ".ssh", name);
    execFileSync(keygen, ["-q", "-f", file, ...argv]);
    return file;
  };

  test("encrypted ones without their public half, ECDSA, and a certificate", async () => {
    const locked = make("locked", "-t", "ed25519", "-a", "1", "-N", "secret");
    execFileSync("rm", [`${locked}.pub`]);
    make("curve", "-t", "ecdsa", "-b", "384", "-N", "");
    const authority = make("authority", "-t", "ed25519", "-N", "");
    const signed = make("signed", "-t", "ed25519", "-N", "");
    execFileSync(keygen, ["-q", "-s", authority, "-I", "x", "-V", "-1h:+5h", `${signed}.pub`]);
    const found = await keys();
    expect(found.get("~/.ssh/locked")).toMatchObject({ type: "ssh-ed25519", encrypted: true, bits: 256 });
    expect(found.get("~/.ssh/curve")).toMatchObject({ type: "ecdsa-sha2-nistp384", bits: 384, encrypted: false });
    expect(found.get("~/.ssh/signed")?.certificate).toMatchObject({
      file: "~/.ssh/signed-cert.pub",
      validBeforeMs: expect.any(Number),
    });
    const printed = String(execFileSync(keygen, ["-lf", path.join(home.dir, ".ssh", "curve.pub")]));
    expect(printed).toContain(found.get("~/.ssh/curve")?.fingerprint);
  });
});

test("[ssh-forward-import] forwards of ~/.ssh/config are offered as services, and planned as they are offered", async () => {
  await using portwright = await makePortwright();
  const folder = path.join(portwright.folder, ".ssh");
  await mkdir(folder, { mode: 0o700 });
  const lines = [
    "Host bastion",
    " LocalForward 15432 db.internal:5432",
    " LocalForward /tmp/l.sock /run/far.sock",
    " LocalForward 0.0.0.0:8080 web:80",
    " RemoteForward 9000 localhost:3000",
    " RemoteForward 9001 elsewhere:3000",
    " RemoteForward 9002",
    " DynamicForward 1080",
  ];
  await writeFile(path.join(folder, "config"), `${lines.join("\n")}\n`, { mode: 0o600 });
  await portwright.configure(["{name: db, technology: ssh, remote_port: 1, connection: {host: bastion}}"]);
  const client = await portwright.connect();
  const answer = await client.call("listSshHosts", { query: "bastion" });
  const [step] = answer.next_steps ?? [];
  const { changes = [] } = (step?.arguments ?? {}) as ConfigureServiceArgs;
  expect(step?.tool).toBe("configure_service");
  expect(changes.map(({ service }) => service)).toEqual([
    "bastion-5432",
    "bastion-far-sock",
    "bastion-80",
    "bastion-9000",
    "bastion-1080",
  ]);
  expect(changes[0]?.set).toEqual({
    technology: "ssh",
    local_port: 15432,
    remote_port: 5432,
    connection: { host: "bastion", remote_host: "db.internal" },
  });
  const plan = await client.call("configureService", { changes });
  expect(plan).toMatchObject({ plan_id: expect.any(String) });
});

test("[ssh-key-care] the answers of both tools, for a workspace's services", async () => {
  await using portwright = await makePortwright();
  const folder = path.join(portwright.folder, ".ssh");
  await mkdir(folder, { mode: 0o700 });
  await writeFile(path.join(folder, "open"), newKey().private, { mode: 0o644 });
  await writeFile(path.join(folder, "config"), "Host bastion\n HostName 10.0.0.1\n", { mode: 0o600 });
  await portwright.configure([
    "{name: db, technology: ssh, remote_port: 1, connection: {host: bastion, key_file: ~/.ssh/open}}",
  ]);
  const client = await portwright.connect();
  const hosts = await client.call("listSshHosts", { query: "BAST" });
  expect(hosts).toMatchObject({
    summary: "1 of 1 SSH hosts, 1 without a known key.",
    hosts: [{ host: "bastion", host_name: "10.0.0.1", known: false, services: ["db"] }],
    user_steps: [{ command: "portwright ssh trust bastion" }],
  });
  const found = await client.call("inspectSshKeys", { only: "problems" });
  expect(found).toMatchObject({
    summary: "1 SSH key: 1 with a problem to mend, 1 pieces of advice.",
    keys: [
      {
        file: "~/.ssh/open",
        type: "ssh-ed25519",
        mode: "0644",
        services: ["db"],
        findings: [{ code: "readable_by_others" }, { code: "not_encrypted" }],
      },
    ],
    user_steps: [{ do: "run", command: "chmod 600 ~/.ssh/open" }],
  });
});
