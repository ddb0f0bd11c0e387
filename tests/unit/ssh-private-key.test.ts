import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isEncrypted, loadPrivateKey } from "#adapters/ssh/private-key.ts";
import { hasKeygen, keygen } from "../support/openssh-programs.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), "portwright-keys-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const pem = (type: "pkcs1" | "pkcs8", passphrase?: string): string =>
  generateKeyPairSync("rsa", { modulusLength: 2048 })
    .privateKey.export({ type, format: "pem", ...(passphrase && { cipher: "aes-256-cbc", passphrase }) })
    .toString();

test("whether a key is encrypted is read from its form", () => {
  expect([pem("pkcs1"), pem("pkcs1", "x"), pem("pkcs8"), pem("pkcs8", "x")].map(isEncrypted)).toEqual([
    false,
    true,
    false,
    true,
  ]);
  expect(isEncrypted("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: aes256-cbc\n")).toBe(true);
  expect(isEncrypted("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\n")).toBe(false);
  expect(isEncrypted("nothing of the kind")).toBe(false);
});

const load = async (content: string, passphrase?: string): Promise<string> => {
  const file = path.join(dir, "key");
  writeFileSync(file, content);
  return loadPrivateKey(file, passphrase === undefined ? undefined : () => Promise.resolve(passphrase)).then(
    (key) => key.type,
    (error: { code: string }) => error.code,
  );
};

test("PEM keys of the forms that OpenSSH reads", async () => {
  expect(await load(pem("pkcs1"))).toBe("ssh-rsa");
  expect(await load(pem("pkcs1", "secret"), "secret")).toBe("ssh-rsa");
  expect(await load(pem("pkcs8"))).toBe("ssh-rsa");
  expect(await load(pem("pkcs8", "secret"), "secret")).toBe("ssh-rsa");
  expect(await load(pem("pkcs8", "secret"), "wrong")).toBe("ssh_key_passphrase_required");
  expect(await load(pem("pkcs8", "secret"))).toBe("ssh_key_passphrase_required");
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  expect(await load(ec.export({ type: "pkcs8", format: "pem" }).toString())).toBe("ecdsa-sha2-nistp256");
  const ed = generateKeyPairSync("ed25519").privateKey;
  expect(await load(ed.export({ type: "pkcs8", format: "pem" }).toString())).toBe("ssh-ed25519");
});

test("what is no key, too large, a folder or missing", async () => {
  expect(await load("hello")).toBe("ssh_key_unreadable");
  expect(await load("x".repeat(100_000))).toBe("ssh_key_unreadable");
  expect(await loadPrivateKey(dir, undefined).catch((error: { code: string }) => error.code)).toBe(
    "ssh_key_unreadable",
  );
  expect(await loadPrivateKey(`${dir}/none`, undefined).catch((error: { code: string }) => error.code)).toBe(
    "ssh_key_missing",
  );
});

describe.skipIf(!hasKeygen)("keys of ssh-keygen (skipped where it is not installed)", () => {
  test.each(["ed25519", "ecdsa", "rsa"])("%s, plain and encrypted", async (type) => {
    const file = path.join(dir, `kg-${type}`);
    execFileSync(keygen, ["-q", "-t", type, "-N", "", "-f", file]);
    const plain = readFileSync(file, "utf8");
    expect(isEncrypted(plain)).toBe(false);
    expect(await load(plain)).toMatch(/^(ssh|ecdsa)-/);
    execFileSync(keygen, ["-q", "-p", "-P", "", "-N", "secret!", "-f", file]);
    const locked = readFileSync(file, "utf8");
    expect(isEncrypted(locked)).toBe(true);
    expect(await load(locked, "secret!")).toMatch(/^(ssh|ecdsa)-/);
    expect(await load(locked, "wrong")).toBe("ssh_key_passphrase_required");
  });

  test("[ssh-unlock-aside] an encrypted key is opened beside the event loop", async () => {
    const file = path.join(dir, "slow");
    execFileSync(keygen, ["-q", "-t", "ed25519", "-N", "secret!", "-f", file]);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const startedMs = performance.now();
    delay.enable();
    expect(await load(readFileSync(file, "utf8"), "secret!")).toBe("ssh-ed25519");
    delay.disable();
    expect(delay.max / 1e6).toBeLessThan((performance.now() - startedMs) / 2);
  });

  test("a cipher that ssh2 lacks is no wrong passphrase", async () => {
    const file = path.join(dir, "chacha");
    const argv = ["-q", "-t", "ed25519", "-Z", "chacha20-poly1305@openssh.com", "-N", "secret!", "-f", file];
    execFileSync(keygen, argv);
    expect(await load(readFileSync(file, "utf8"), "secret!")).toBe("ssh_key_unreadable");
  });

  test("a public key is no private one", async () => {
    execFileSync(keygen, ["-q", "-t", "ed25519", "-N", "", "-f", path.join(dir, "pair")]);
    expect(await load(readFileSync(path.join(dir, "pair.pub"), "utf8"))).toBe("ssh_key_unreadable");
  });
});
