import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resolveHost } from "#adapters/ssh/config/resolve-host.ts";
import type { Access } from "#application/ports/access.ts";
import { configCases } from "../support/ssh-config-set.ts";
import { hasSsh, ourReading, theirReading } from "../support/ssh-g.ts";

/** Keys that no newer OpenSSH looks for by itself. */
const outdated = /id_(xmss|dsa)$/;

describe.skipIf(!hasSsh)("[ssh-config-as-openssh] beside ssh -G (skipped where ssh is not installed)", () => {
  let dir: string;
  const { homedir, username } = os.userInfo();
  const access: Access = {
    env: (name) => ({ ...process.env, USER: username })[name],
    environment: () => ({ PATH: process.env["PATH"] ?? "" }),
    homeDir: homedir,
    workspaceDir: os.tmpdir(),
    resolve: (template) => Promise.resolve(template),
  };

  beforeAll(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), "portwright-ssh-config-"));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test("there are at least 25 files", () => {
    expect(configCases.length).toBeGreaterThanOrEqual(25);
  });

  test.each(configCases.map((one, index) => ({ ...one, index })))(
    "$about",
    async ({ text, hosts, user, files, index }) => {
      const folder = path.join(dir, String(index));
      await mkdir(folder);
      const write = async (name: string, content: string): Promise<string> => {
        const file = path.join(folder, name);
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(file, content.replaceAll("DIR", folder), { mode: 0o600 });
        return file;
      };
      const file = await write("config", text);
      for (const [name, content] of Object.entries(files ?? {})) await write(name, content);
      for (const host of hosts) {
        const theirs = theirReading(file, host, user);
        const resolved = await resolveHost(host, access, { user, files: [{ path: file, own: true }] });
        const ours = ourReading(resolved, theirs.identityAgent !== undefined && theirs.identityAgent !== "none");
        const known = (name: string): boolean => theirs.identityFiles.includes(name) || !outdated.test(name);
        expect({ host, ...ours, identityFiles: ours.identityFiles.filter(known) }).toEqual({
          host,
          ...theirs,
          identityAgent: theirs.identityAgent === "none" ? undefined : theirs.identityAgent,
        });
      }
      expect(existsSync(path.join(folder, "must-not-run"))).toBe(false);
    },
  );
});
