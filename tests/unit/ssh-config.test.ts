import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lookUpHost, matchesHostPatterns, parseSshConfig } from "#adapters/ssh/ssh-config.ts";

const nothing = (): Promise<string[]> => Promise.resolve([]);

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString("latin1"));

describe("parseSshConfig", () => {
  test("keyword in any case, = or blanks, quotes, comments", () => {
    const text = `# comment\n\n HOST = a  b\nUser "ada lovelace"\nPort=2222 # comment\nIdentityFile "a b" c\n=\nlonely\n`;
    expect(parseSshConfig(text)).toEqual([
      { keyword: "host", values: ["a", "b"] },
      { keyword: "user", values: ["ada lovelace"] },
      { keyword: "port", values: ["2222"] },
      { keyword: "identityfile", values: ["a b", "c"] },
    ]);
  });

  test("never throws, whatever the file holds", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (text) => {
        expect((await lookUpHost([text], "host", nothing)).identityFiles).toBeInstanceOf(Array);
      }),
    );
  });
});

test("host patterns: a negated one excludes", () => {
  expect(matchesHostPatterns(["*.example", "!secret.example"], "a.example")).toBe(true);
  expect(matchesHostPatterns(["*.example", "!secret.example"], "secret.example")).toBe(false);
  expect(matchesHostPatterns(["!other"], "host")).toBe(false);
});

test("an Include that includes itself ends", async () => {
  const found = await lookUpHost(["Include x"], "host", () => Promise.resolve(["Include x\nUser ada"]));
  expect(found.user).toBe("ada");
});

test("a jump is seen, unless it is none", async () => {
  const text = "Host a\n ProxyJump none\nHost b\n ProxyCommand none\nHost *\n ProxyJump hop\n";
  expect((await lookUpHost(["Host a\n ProxyJump hop"], "a", nothing)).indirect).toBe("ProxyJump");
  expect((await lookUpHost([text], "c", nothing)).indirect).toBe("ProxyJump");
  expect((await lookUpHost([text], "a", nothing)).indirect).toBe("none");
  expect((await lookUpHost([text], "b", nothing)).indirect).toBe("none");
});

const hasSsh = spawnSync("ssh", ["-V"]).error === undefined;

describe.skipIf(!hasSsh)("beside ssh -G (skipped where it is not installed)", () => {
  test("reads host, user, port and key files as OpenSSH does", async () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), "portwright-ssh-config-"));
    try {
      const included = path.join(dir, "included");
      writeFileSync(included, `Host inc* !include-not\n  User included\n  IdentityFile /keys/included\n`);
      const config = path.join(dir, "config");
      writeFileSync(
        config,
        `User=first
Include ${included}
Host alpha beta
  HostName %h.example.org
  Port 2201
  IdentityFile /keys/one
  IdentityFile /keys/two
Host web-?
  HostName "10.0.0.1"
  User never
Host *.internal !db.internal
  Port 2202
  UserKnownHostsFile /known/a /known/b
Match all
  IdentityFile /keys/all
Host *
  Port 2299
  IdentityFile /keys/one
`,
      );
      const text = await readFile(config, "utf8");
      const include = (pattern: string): Promise<string[]> => readFile(pattern, "utf8").then((found) => [found]);
      for (const host of [
        "alpha",
        "beta",
        "web-1",
        "web-12",
        "a.internal",
        "db.internal",
        "include-me",
        "include-not",
      ]) {
        const printed = String(
          execFileSync("ssh", ["-G", "-F", config, host], { stdio: ["ignore", "pipe", "ignore"] }),
        );
        const theirs = (keyword: string): string[] =>
          [...printed.matchAll(new RegExp(`^${keyword} (.*)$`, "gm"))].map(([, value]) => value ?? "");
        const ours = await lookUpHost([text], host, include);
        expect({
          host,
          hostname: ours.hostName?.replaceAll("%h", host) ?? host,
          user: ours.user,
          port: String(ours.port ?? 22),
          keys: ours.identityFiles,
        }).toEqual({
          host,
          hostname: theirs("hostname")[0],
          user: theirs("user")[0],
          port: theirs("port")[0],
          keys: theirs("identityfile"),
        });
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
