/** Watching and writing a configuration file, where the system is of no help or in the way. */
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createConfigEditor } from "#adapters/config-files/editor.ts";
import { eventually } from "../support/eventually.ts";

const editor = createConfigEditor();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "portwright-watch-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("[reload-watch] a watch", () => {
  test("sees a file in a folder that did not exist, by looking now and then", async () => {
    const file = join(folder, "later", "portwright.yaml");
    let told = 0;
    using _watch = editor.watch(file, () => void told++);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await mkdir(join(folder, "later"));
    await writeFile(file, "services: []\n");
    await eventually(async () => told > 0, 8000);
    // From now on its folder is watched.
    const before = told;
    await writeFile(file, "services: [ ]\n");
    await eventually(async () => told > before, 2000);
    expect(told).toBeGreaterThan(before);
  });

  test("joins a burst, and says nothing once it is over", async () => {
    const file = join(folder, "portwright.yaml");
    await writeFile(file, "");
    let told = 0;
    {
      using _watch = editor.watch(file, () => void told++);
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (let index = 0; index < 20; index++) await writeFile(file, `# ${index}\n`);
      await eventually(async () => told > 0, 4000);
      expect(told).toBeLessThan(10);
    }
    const before = told;
    await writeFile(file, "# after\n");
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(told).toBe(before);
  });
});

describe("writing", () => {
  const file = (): string => join(folder, "portwright.yaml");
  test("takes the place of the text that was expected, and of no other", async () => {
    await editor.write(file(), "one\n", "");
    await expect(editor.write(file(), "two\n", "")).rejects.toMatchObject({ code: "plan_stale" });
    await editor.write(file(), "two\n", editor.digest("one\n"));
    expect(await readFile(file(), "utf8")).toBe("two\n");
    await editor.remove(file(), editor.digest("one\n"));
    expect(await readdir(folder)).toEqual(["portwright.yaml"]);
    await editor.remove(file(), editor.digest("two\n"));
    expect(await readdir(folder)).toEqual([]);
  });
  test("takes over what a killed process left, and leaves nothing itself when it cannot write", async () => {
    await writeFile(join(folder, ".portwright.yaml.portwright-new"), "half");
    await editor.write(file(), "one\n", "");
    expect(await readdir(folder)).toEqual(["portwright.yaml"]);
    await expect(editor.write(join(folder, "missing", "x.yaml"), "x", "")).rejects.toMatchObject({
      code: "config_invalid",
    });
  });
  test("an excerpt shows no credential in plain text", async () => {
    const text = `services:
  - name: a
    technology: ssh
    remote_port: 1
    connection: {host: h, password: hunter2, passphrase: "\${env:X:secret}"}
    health_check: {type: http, config: {url: "http://u:pw@h/", headers: {Authorization: "Bearer \${file:t}", Cookie: "a=b"}}}
environments: [{name: dev, services: [a]}]
`;
    const shown = await editor.excerpt(file(), text, "services", "a");
    expect(shown).not.toMatch(/hunter2|secret|:pw@|a=b/);
    expect(shown).toContain("Bearer ${file:t}");
    expect(await editor.excerpt(file(), text, "environments", "dev")).toContain("name: dev");
    expect(await editor.excerpt(file(), text, "services", "b")).toBeUndefined();
    expect((await editor.raw(file(), "services: [")).services.size).toBe(0);
  });
  test.skipIf(process.getuid?.() === 0)("a folder without permission is said", async () => {
    await chmod(folder, 0o500);
    await expect(editor.write(file(), "x", "")).rejects.toMatchObject({ code: "config_invalid" });
    await chmod(folder, 0o700);
  });
});
