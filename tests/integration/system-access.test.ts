import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAccess } from "#adapters/system/access.ts";
import { commandWords } from "#adapters/system/secret-command.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "access-"));
});
afterAll(() => rm(folder, { recursive: true }));

const access = (trusted = true, ...layers: Record<string, string>[]) =>
  createAccess({
    envLayers: [...layers, { PATH: process.env.PATH }].map((layer) => () => layer),
    homeDir: folder,
    workspaceDir: folder,
    trusted,
  });

test("the newest client's variable wins, and an older one's is found", async () => {
  const both = access(false, { A: "new" }, { A: "old", B: "older" });
  expect(both.env("A")).toBe("new");
  expect(both.env("B")).toBe("older");
  expect(both.env("C")).toBeUndefined();
  expect(both.environment()).toMatchObject({ A: "new", B: "older" });
  expect(await both.resolve("postgres://${env:A}:${env:B}@h/${env:C:db}?a=${x}")).toBe(
    "postgres://new:older@h/db?a=${x}",
  );
  expect(await both.resolve("plain")).toBe("plain");
});

test("all missing variables are named at once", async () => {
  await expect(access().resolve("${env:ONE}-${env:TWO}")).rejects.toMatchObject({
    code: "variable_missing",
    facts: { variable: "ONE", variables: ["ONE", "TWO"] },
  });
});

test.each(["${file:secret}", "${command:echo x}"])("%s needs a trusted workspace", async (template) => {
  await expect(access(false).resolve(template)).rejects.toMatchObject({ code: "workspace_untrusted" });
});

describe("files", () => {
  test("are read from the workspace, the home folder and absolute paths, without the last line break", async () => {
    await writeFile(join(folder, "secret"), "s3cret\n", { mode: 0o600 });
    expect(await access().resolve("a ${file:secret} b")).toBe("a s3cret b");
    expect(await access().resolve("${file:~/secret}")).toBe("s3cret");
    expect(await access().resolve(`\${file:${join(folder, "secret")}}`)).toBe("s3cret");
  });

  test.each([
    ["missing", async () => undefined],
    ["folder", () => import("node:fs/promises").then(({ mkdir }) => mkdir(join(folder, "folder")))],
    ["large", () => writeFile(join(folder, "large"), "x".repeat(70_000), { mode: 0o600 })],
    ["open", () => writeFile(join(folder, "open"), "x").then(() => chmod(join(folder, "open"), 0o644))],
    ["pipe", async () => void execFileSync("mkfifo", ["-m", "600", join(folder, "pipe")])],
  ])("a %s one is refused", async (name, make: () => Promise<unknown>) => {
    await make();
    await expect(access().resolve(`\${file:${name}}`)).rejects.toMatchObject({
      code: "variable_missing",
      facts: { file: join(folder, name) },
    });
  });
});

describe("commands", () => {
  test("run without a shell, with the client's environment, in the workspace", async () => {
    expect(await access(true, { TOKEN: "t0ken" }).resolve("Bearer ${command:printenv TOKEN}")).toBe("Bearer t0ken");
    expect(await access().resolve("${command:printf '%s|' 'a b' $HOME ; ls \"c\"}")).toBe("a b|$HOME|;|ls|c|");
  });

  test("that fail say so, with what they printed as text from outside", async () => {
    await expect(access().resolve("${command:sh -c 'echo no >&2; exit 3'}")).rejects.toMatchObject({
      code: "credential_plugin_failed",
      facts: { command: "sh", exit: 3 },
      untrusted: "no\n",
    });
    await expect(access().resolve("${command:no-such-program-here}")).rejects.toMatchObject({
      code: "credential_plugin_missing",
    });
    await expect(access().resolve("${command:sh 'oops}")).rejects.toMatchObject({ code: "credential_plugin_failed" });
  });

  test("end with the signal", async () => {
    const resolution = access().resolve("${command:sleep 20}", AbortSignal.timeout(100));
    await expect(resolution).rejects.toMatchObject({ name: "TimeoutError" });
  });

  test("words keep quoted parts together", () => {
    expect(commandWords(`pass show "my db"/'x y'`)).toEqual(["pass", "show", "my db/x y"]);
    expect(commandWords("  ")).toBeUndefined();
    expect(commandWords(`a "b`)).toBeUndefined();
  });
});
