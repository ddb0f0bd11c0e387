import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseForward } from "#adapters/ssh/config/forward-lines.ts";
import { includeFiles } from "#adapters/ssh/config/include-files.ts";
import { nextWord, parseLines, splitArguments } from "#adapters/ssh/config/lines.ts";
import { matchesPatterns } from "#adapters/ssh/config/patterns.ts";
import { resolveHost } from "#adapters/ssh/config/resolve-host.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { sshHome, type SshHome } from "../support/ssh-client.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString("latin1"));

describe("lines", () => {
  test("keyword in any case, = or blanks, comments", () => {
    const text = `# comment\n\n HOST = a  b\nUser "ada lovelace"\nPort=2222 # comment\n=\nlonely\n`;
    expect(parseLines(text)).toEqual([
      { line: 3, keyword: "host", raw: "a  b" },
      { line: 4, keyword: "user", raw: `"ada lovelace"` },
      { line: 5, keyword: "port", raw: "2222 # comment" },
    ]);
  });

  test.each([
    [`a "b c" 'd "e"' # f`, ["a", "b c", `d "e"`]],
    [String.raw`a\ b "\"" \x`, ["a b", `"`, String.raw`\x`]],
    [`"open`, undefined],
    ["", []],
  ])("arguments of %s", (text, expected) => {
    expect(splitArguments(text)).toEqual(expected);
  });

  test("words", () => {
    expect(nextWord(`exec "a b" rest`)).toEqual({ token: "exec", rest: `"a b" rest` });
    expect(nextWord(`"a b" rest`)).toEqual({ token: "a b", rest: "rest" });
    expect(nextWord(`"open`)).toEqual({ token: undefined, rest: "" });
  });
});

test("host patterns: a negated one excludes", () => {
  expect(matchesPatterns(["*.example", "!secret.example"], "a.example")).toBe(true);
  expect(matchesPatterns(["*.example", "!secret.example"], "secret.example")).toBe(false);
  expect(matchesPatterns(["!other"], "host")).toBe(false);
});

test.each([
  [["8080"], false],
  [["x", "h:1"], false],
  [["1", "h"], false],
  [["1", "h:0"], false],
  [["a:b:c:d:e"], true],
  [["[1", "h:1"], false],
])("no forward: %j", (values, dynamic) => {
  expect(parseForward(values, dynamic)?.to).toBeUndefined();
});

describe("a person's files", () => {
  let home: SshHome;
  beforeEach(async () => {
    home = await sshHome();
  });
  afterEach(() => home[Symbol.asyncDispose]());

  const failure = (host: string, user?: string): Promise<ConnectivityError> =>
    resolveHost(host, home.access, { user }).then(
      () => expect.unreachable("it should have failed"),
      (error: unknown) => error as ConnectivityError,
    );

  test("never more than a coded refusal, whatever the file holds", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (text) => {
        // No command of chance is run.
        await home.write("config", text.replaceAll(/exec/gi, "x"));
        const outcome = await resolveHost("host", home.access).catch((error: ConnectivityError) => error.code);
        expect(typeof outcome === "string" ? outcome : outcome.alias).toMatch(
          /^(host|config_invalid|variable_missing)$/,
        );
      }),
      { numRuns: 60 },
    );
  });

  test("an Include that includes itself ends", async () => {
    await home.write("config", "Include config\nUser ada");
    expect((await failure("host")).code).toBe("config_invalid");
  });

  test.each([
    ["Port none", 1],
    ["\nServerAliveCountMax many", 2],
    ["StrictHostKeyChecking perhaps", 1],
    ["IdentitiesOnly perhaps", 1],
    ["ServerAliveInterval soon", 1],
    ["LocalForward x y", 1],
    [`User ""`, 1],
    [`HostName ""`, 1],
    [`User "open`, 1],
  ])("a value that cannot be understood is named by its place: %j", async (text, line) => {
    const file = await home.write("config", text);
    expect(await failure("host")).toMatchObject({ code: "config_invalid", facts: { file, line } });
  });

  test.each(["Match host", "Match moon full", "Match all user x", "IdentityFile %Z", "ProxyCommand x %d"])(
    "as OpenSSH, not with %j",
    async (text) => {
      await home.write("config", `${text}\n`);
      const outcome = await resolveHost("host", home.access).catch((error: ConnectivityError) => error.code);
      expect(outcome).toBe("config_invalid");
    },
  );

  test("[ssh-config-commands] a file that others may write to is refused: its commands run as this person", async () => {
    const file = await home.write("config", "User ada");
    await chmod(file, 0o666);
    expect(await failure("host")).toMatchObject({ code: "config_invalid", facts: { file } });
  });

  test.each(["-oProxyCommand=x", "a b", "a;b", "$(x)", "`x`", "a|b", ""])(
    "[ssh-config-commands] a name from elsewhere never means anything to a shell: %j",
    async (host) => {
      await home.write("config", `Match exec "touch ${home.dir}/ran-%h-%n"\n User ada\n`);
      expect((await failure(host)).code).toBe("config_invalid");
      expect((await failure("host", `x${host};`)).code).toBe("config_invalid");
      expect(await includeFiles(path.join(home.dir, "ran*"))).toEqual([]);
    },
  );

  test("[ssh-config-commands] a command of Match exec that hangs is ended, and said", async () => {
    await home.write("config", `Match exec "sleep 60; true"\n User ada\n`);
    expect((await failure("host")).message).toMatch(/did not end within 5 s/);
  }, 15_000);

  test("a command of Match exec ends with the dial", async () => {
    await home.write("config", `Match exec "sleep 60"\n User ada\n`);
    const signal = AbortSignal.timeout(100);
    await expect(resolveHost("host", home.access, { signal })).rejects.toThrow(/timeout/);
  });

  test("a shell that is not there", async () => {
    home.env["SHELL"] = path.join(home.dir, "no-shell");
    await home.write("config", `Match exec "true"\n User ada\n`);
    expect((await failure("host")).code).toBe("config_invalid");
  });

  test("agents: SSH_AUTH_SOCK, a variable, a path, none", async () => {
    home.env["SSH_AUTH_SOCK"] = "/run/default";
    home.env["WORK_AGENT"] = "/run/work";
    await home.write(
      "config",
      "Host a\n IdentityAgent $WORK_AGENT\nHost b\n IdentityAgent ~/agent\nHost c\n IdentityAgent none\nHost d\n IdentityAgent SSH_AUTH_SOCK\nHost e\n IdentityAgent ${WORK_AGENT}2\nHost f\n IdentityAgent ${UNSET}\n",
    );
    const agent = async (host: string) => (await resolveHost(host, home.access)).agentSocket;
    expect(await Promise.all(["a", "b", "c", "d", "e", "z"].map(agent))).toEqual([
      "/run/work",
      path.join(home.dir, "agent"),
      undefined,
      "/run/default",
      "/run/work2",
      "/run/default",
    ]);
    expect((await failure("f")).code).toBe("variable_missing");
  });

  test("a name that resolves under one of CanonicalDomains is read again under it, or refused", async () => {
    await home.write(
      "config",
      "CanonicalizeHostname always\nCanonicalDomains none\nHost strict\n CanonicalizeFallbackLocal no\n",
    );
    expect((await resolveHost("plain", home.access)).hostName).toBe("plain");
    expect((await failure("strict")).code).toBe("host_unresolved");
  });
});

describe("files of an Include", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), "portwright-include-"));
    for (const name of ["a/one.conf", "b/two.conf", "b/.hidden", "c-1", "c-2", "c]"]) {
      await mkdir(path.dirname(path.join(dir, name)), { recursive: true });
      await writeFile(path.join(dir, name), "");
    }
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  test.each([
    ["*/*.conf", ["a/one.conf", "b/two.conf"]],
    ["b/*", ["b/two.conf"]],
    ["b/.*", ["b/.hidden"]],
    ["c-[13-9]", ["c-1"]],
    ["c-[!1]", ["c-2"]],
    ["c[]]", ["c]"]],
    ["?/*o*", ["a/one.conf", "b/two.conf"]],
    ["c-1", ["c-1"]],
    ["none/*", []],
    ["c-[", []],
  ])("%s", async (pattern, expected) => {
    expect(await includeFiles(path.join(dir, pattern))).toEqual(expected.map((name) => path.join(dir, name)));
  });
});
