import { execFileSync, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  fingerprintOf,
  judgeHostKey,
  keyTypeOf,
  knownHostName,
  knownKeyTypes,
  matchesHostField,
  parseKnownHosts,
} from "#adapters/ssh/known-hosts.ts";
import { matchesPattern } from "#adapters/ssh/config/patterns.ts";
import { hasKeygen, keygen } from "../support/openssh-programs.ts";

/** A public key blob of a type, told apart by its filling; only its type has to be well formed here. */
function blob(type: string, filling: string): Buffer {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.from(filling)]);
}

const ed = blob("ssh-ed25519", "one");
const otherEd = blob("ssh-ed25519", "two");
const rsa = blob("ssh-rsa", "three");
const line = (hosts: string, key: Buffer, marker = ""): string =>
  `${marker}${hosts} ${keyTypeOf(key)} ${key.toString("base64")}`;

const hashed = (name: string, salt = "salt salt salt salt!"): string => {
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return `|1|${Buffer.from(salt).toString("base64")}|${hash}`;
};

const judge = (text: string, host: string, port: number, key: Buffer): string =>
  judgeHostKey(parseKnownHosts(text), host, port, key).kind;

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString("latin1"));

describe("parseKnownHosts", () => {
  test("leaves out what is no entry, and counts lines from 1", () => {
    const text = ["# comment", "", "   ", "host", "host ssh-ed25519", line("host", ed), "@strange x y z"].join("\n");
    expect(parseKnownHosts(text).map(({ line }) => line)).toEqual([6]);
  });

  test("reads CRLF, tabs, leading blanks, comments behind the key and markers", () => {
    const text = `  a\t${keyTypeOf(ed)}  ${ed.toString("base64")} a comment here\r\n${line("b", ed, "@revoked ")}\r\n${line("c", rsa, "@cert-authority ")}`;
    expect(parseKnownHosts(text).map(({ hosts, marker, keyType }) => [hosts, marker, keyType])).toEqual([
      ["a", undefined, "ssh-ed25519"],
      ["b", "revoked", "ssh-ed25519"],
      ["c", "cert-authority", "ssh-rsa"],
    ]);
  });

  test("a line whose key is of another type than it says is left out", () => {
    expect(parseKnownHosts(`host ssh-rsa ${ed.toString("base64")}`)).toEqual([]);
  });

  test("never throws, whatever the file holds", () => {
    fc.assert(
      fc.property(bytes, fc.string(), (text, host) => {
        expect(judgeHostKey(parseKnownHosts(text), host, 22, ed).kind).toBe("unknown");
      }),
    );
  });
});

describe("names", () => {
  test("carry the port beside 22, in lower case", () => {
    expect(knownHostName("Bastion.Example", 22)).toBe("bastion.example");
    expect(knownHostName("Bastion.Example", 2222)).toBe("[bastion.example]:2222");
    expect(knownHostName("::1", 2222)).toBe("[::1]:2222");
  });

  test.each([
    ["host", "host", true],
    ["host", "host2", false],
    ["a,host,b", "host", true],
    ["*.example", "a.b.example", true],
    ["*.example", "example", false],
    ["web-?", "web-1", true],
    ["web-?", "web-12", false],
    ["*.example,!secret.example", "secret.example", false],
    ["!secret.example,*.example", "open.example", true],
    ["!secret.example", "open.example", false],
    ["[host]:2222", "[host]:2222", true],
    ["[127.0.0.1]:*", "[127.0.0.1]:22022", true],
    ["HOST", "host", true],
    ["*", "anything", true],
    ["", "host", false],
    [hashed("host"), "host", true],
    [hashed("host"), "host2", false],
    [hashed("[host]:2222"), "[host]:2222", true],
    ["|1|broken", "host", false],
    ["|2|a|b", "host", false],
  ])("%s means %s: %s", (field, name, expected) => {
    expect(matchesHostField(field, name)).toBe(expected);
  });

  test("a pattern agrees with its regular expression", () => {
    const alphabet = fc.constantFrom("a", "b", "*", "?", ".");
    const meaning: Record<string, string> = { "*": ".*", "?": ".", ".": "\\." };
    fc.assert(
      fc.property(
        fc.array(alphabet, { maxLength: 8 }),
        fc.array(fc.constantFrom("a", "b", "."), { maxLength: 8 }),
        (pattern, name) => {
          const expression = pattern.map((c) => meaning[c] ?? c).join("");
          expect(matchesPattern(pattern.join(""), name.join(""))).toBe(
            new RegExp(`^${expression}$`).test(name.join("")),
          );
        },
      ),
    );
  });

  test("a pattern of many stars takes no exponential time", () => {
    expect(matchesPattern(`${"*a".repeat(200)}b`, "a".repeat(5000))).toBe(false);
  });
});

describe("judgeHostKey", () => {
  test("known, changed, unknown", () => {
    expect(judge(line("host", ed), "host", 22, ed)).toBe("known");
    expect(judge(line("host", ed), "HOST", 22, ed)).toBe("known");
    expect(judge(line("host", ed), "host", 22, otherEd)).toBe("changed");
    expect(judge(line("host", ed), "elsewhere", 22, ed)).toBe("unknown");
    expect(judge("", "host", 22, ed)).toBe("unknown");
  });

  test("any of several keys will do", () => {
    const text = [line("host", ed), line("host", rsa), line("host", otherEd)].join("\n");
    expect([ed, rsa, otherEd].map((key) => judge(text, "host", 22, key))).toEqual(["known", "known", "known"]);
  });

  test("a type that is not known for a known host is changed: else a server could choose to be unknown", () => {
    expect(judge(line("host", ed), "host", 22, rsa)).toBe("changed");
  });

  test("the contradicting line is the one of the same type", () => {
    const verdict = judgeHostKey(
      parseKnownHosts([line("host", rsa), line("host", ed)].join("\n")),
      "host",
      22,
      otherEd,
    );
    expect(verdict).toMatchObject({ kind: "changed", line: { line: 2 } });
  });

  test("another port is another name, but the bare name counts where it has this key", () => {
    expect(judge(line("[host]:2222", ed), "host", 2222, ed)).toBe("known");
    expect(judge(line("[host]:2222", ed), "host", 22, ed)).toBe("unknown");
    expect(judge(line("host", ed), "host", 2222, ed)).toBe("known");
    expect(judge(line("host", ed), "host", 2222, otherEd)).toBe("unknown");
    expect(judge([line("host", ed), line("[host]:2222", otherEd)].join("\n"), "host", 2222, rsa)).toBe("changed");
  });

  test("revoked beats everything", () => {
    const text = [line("host", ed), line("*", ed, "@revoked ")].join("\n");
    expect(judge(text, "host", 22, ed)).toBe("revoked");
    expect(judge(text, "host", 2222, ed)).toBe("revoked");
  });

  test("a certificate authority is no host key", () => {
    const verdict = judgeHostKey(parseKnownHosts(line("host", ed, "@cert-authority ")), "host", 22, ed);
    expect(verdict).toEqual({ kind: "unknown", certificateAuthority: true });
  });

  test("the types to ask for are those of the host", () => {
    const lines = parseKnownHosts([line("host", rsa), line("host", ed), line("[host]:2222", ed)].join("\n"));
    expect(knownKeyTypes(lines, "host", 22)).toEqual(["ssh-rsa", "ssh-ed25519"]);
    expect(knownKeyTypes(lines, "host", 2222)).toEqual(["ssh-ed25519"]);
    expect(knownKeyTypes(lines, "host", 2022)).toEqual(["ssh-rsa", "ssh-ed25519"]);
    expect(knownKeyTypes(lines, "elsewhere", 22)).toEqual([]);
  });
});

describe.skipIf(!hasKeygen)("beside ssh-keygen (skipped where it is not installed)", () => {
  let dir = "";
  beforeAll(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), "portwright-known-hosts-"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const names = ["a.example", "b.example", "[a.example]:2222", "secret.example", "10.0.0.1", "[::1]:2022"];

  test("finds what ssh-keygen -F finds, plain and hashed", () => {
    const text = `${[
      line("a.example,10.0.0.*", ed),
      line("*.example,!secret.example", rsa),
      line("[a.example]:2222", otherEd),
      line("[::1]:2022", ed),
    ].join("\n")}\n`;
    for (const variant of ["plain", "hashed"]) {
      const file = path.join(dir, variant);
      writeFileSync(file, text);
      if (variant === "hashed") execFileSync(keygen, ["-H", "-f", file], { stdio: "ignore" });
      const lines = parseKnownHosts(String(execFileSync("cat", [file])));
      for (const name of names) {
        const found = spawnSync(keygen, ["-F", name, "-f", file], { encoding: "utf8" }).stdout;
        const theirs = [...found.matchAll(/found: line (\d+)/g)].map(([, number]) => Number(number));
        const ours = lines.filter(({ hosts }) => matchesHostField(hosts, name)).map(({ line }) => line);
        expect({ variant, name, lines: ours }).toEqual({ variant, name, lines: theirs });
      }
    }
  });

  test("prints the fingerprint of ssh-keygen -l", () => {
    const file = path.join(dir, "key");
    execFileSync(keygen, ["-q", "-t", "ed25519", "-N", "", "-f", file]);
    const printed = String(execFileSync(keygen, ["-l", "-f", `${file}.pub`])).split(" ")[1];
    const key = String(execFileSync("cat", [`${file}.pub`])).split(" ")[1] ?? "";
    expect(fingerprintOf(Buffer.from(key, "base64"))).toBe(printed);
  });
});
