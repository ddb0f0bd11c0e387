import { describe, expect, test } from "vitest";
import { chooseSshDriver, type LoginNeeds } from "#domain/ssh/driver-choice.ts";
import { judgeSshKey, type SshKeyFacts } from "#domain/ssh/key-care.ts";

const day = 86_400_000;
const now = 1_800_000_000_000;
const good: SshKeyFacts = {
  file: "~/.ssh/id_ed25519",
  missing: false,
  unreadable: false,
  type: "ssh-ed25519",
  bits: 256,
  fingerprint: "SHA256:x",
  encrypted: true,
  mode: 0o600,
  ownedByOther: false,
  writtenMs: now - day,
  inAgent: false,
  certificate: undefined,
  hosts: ["bastion"],
  services: [],
  usual: false,
};
const certificate = (afterMs: number, beforeMs: number) => ({
  certificate: { file: "~/.ssh/id-cert.pub", validAfterMs: afterMs, validBeforeMs: beforeMs },
});
const codes = (facts: Partial<SshKeyFacts>) =>
  judgeSshKey({ ...good, ...facts }, now).map(({ code, severity }) => `${severity} ${code}`);

describe("[ssh-key-care] findings about a key", () => {
  test.each<[string, Partial<SshKeyFacts>, string[]]>([
    ["nothing", {}, []],
    ["missing", { missing: true, mode: 0o777 }, ["problem missing"]],
    ["unreadable", { unreadable: true, encrypted: false, type: undefined }, ["problem unreadable"]],
    ["readable by others", { mode: 0o644 }, ["problem readable_by_others"]],
    ["readable by the group", { mode: 0o640 }, ["problem readable_by_others"]],
    ["without permissions (Windows)", { mode: undefined }, []],
    ["a public half for the agent", { publicOnly: true, encrypted: false, mode: 0o644, inAgent: true }, []],
    ["a public half alone", { publicOnly: true, encrypted: false, mode: 0o644 }, ["advice unreadable"]],
    ["another's", { ownedByOther: true }, ["problem owned_by_other"]],
    ["DSA", { type: "ssh-dss", bits: 1024 }, ["problem dsa"]],
    ["RSA 1024", { type: "ssh-rsa", bits: 1024 }, ["problem weak_rsa"]],
    ["RSA 2048", { type: "ssh-rsa", bits: 2048 }, ["advice weak_rsa"]],
    ["RSA 3072", { type: "ssh-rsa", bits: 3072 }, []],
    ["not encrypted", { encrypted: false }, ["advice not_encrypted"]],
    ["a hardware key", { encrypted: false, type: "sk-ssh-ed25519@openssh.com" }, []],
    ["old", { writtenMs: now - 4 * 365 * day }, ["advice old"]],
    ["unused", { hosts: [] }, ["advice unused"]],
    ["unused, but usual", { hosts: [], usual: true }, []],
    ["unused, but in the agent", { hosts: [], inAgent: true }, []],
    ["a certificate that holds", certificate(now - day, now + 30 * day), []],
    ["one that expires", certificate(now - 90 * day, now + 5 * day), ["advice certificate_expiring"]],
    ["a short one in its middle", certificate(now - day / 2, now + day / 2), []],
    ["a short one at its end", certificate(now - day, now + day / 10), ["advice certificate_expiring"]],
    ["one that expired", certificate(now - 2 * day, now - day), ["problem certificate_expired"]],
    ["one of tomorrow", certificate(now + day, now + 90 * day), ["problem certificate_not_yet_valid"]],
    [
      "several, problems first",
      { encrypted: false, mode: 0o666 },
      ["problem readable_by_others", "advice not_encrypted"],
    ],
  ])("%s", (_, facts, expected) => {
    expect(codes(facts)).toEqual(expected);
  });

  test("each has what it is and what to do", () => {
    const [finding] = judgeSshKey({ ...good, mode: 0o644 }, now);
    expect(finding?.what).toContain("0644");
    expect(finding?.advice).toBe("chmod 600 ~/.ssh/id_ed25519");
  });
});

describe("which driver a login needs", () => {
  const plain: LoginNeeds = {
    wanted: "auto",
    gssapi: false,
    pkcs11: false,
    certificate: false,
    hardwareKey: false,
    agentHoldsCertificate: false,
    agentHoldsHardwareKey: false,
    onlyByAuthority: false,
    revocationList: false,
    proxy: undefined,
  };
  test.each<[Partial<LoginNeeds>, string | undefined]>([
    [{}, undefined],
    [{ wanted: "openssh" }, "asked_for"],
    [{ wanted: "ssh2", certificate: true }, undefined],
    [{ gssapi: true }, "gssapi"],
    [{ pkcs11: true }, "pkcs11"],
    [{ certificate: true }, "certificate"],
    [{ hardwareKey: true }, "hardware_key"],
    [{ agentHoldsCertificate: true }, "certificate_in_agent"],
    [{ agentHoldsHardwareKey: true }, "hardware_key_in_agent"],
    [{ revocationList: true }, "revoked_host_keys"],
    [{ onlyByAuthority: true }, "host_certificate"],
    [{ proxy: "proxy_command" }, "proxy_command"],
  ])("%j", (needs, because) => {
    expect(chooseSshDriver({ ...plain, ...needs })).toEqual(
      because === undefined ? { driver: "ssh2" } : { driver: "openssh", because },
    );
  });
});
